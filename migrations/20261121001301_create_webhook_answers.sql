-- A request for a secret that is repeated with its Idempotency-Key gets the first answer again: nobody
-- makes two endpoints, or loses a secret by changing it twice, because an answer got lost on its way.
-- Old code does not look here.
CREATE TABLE ops.webhook_answers (
    tenant_id    uuid        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    endpoint     json        NOT NULL,
    secret       bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

COMMENT ON TABLE ops.webhook_answers IS 'The first answer to requests with a key that made or changed the secret of an endpoint; the sender forgets old ones.';
COMMENT ON COLUMN ops.webhook_answers.request_hash IS 'As in log.commands: the same key with another request is refused.';
COMMENT ON COLUMN ops.webhook_answers.endpoint IS 'As it was answered, without the secret. It may be gone by now.';
COMMENT ON COLUMN ops.webhook_answers.secret IS 'Sealed as that of the endpoint.';

ALTER TABLE ops.webhook_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.webhook_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON ops.webhook_answers TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY send ON ops.webhook_answers TO daybook_webhooks USING (true);

GRANT SELECT, INSERT ON ops.webhook_answers TO daybook_app;
GRANT SELECT (created_at), DELETE ON ops.webhook_answers TO daybook_webhooks;
