-- Outgoing webhooks: where to send what happens, what is still to be sent, and what came of it.
-- Nothing of an event is kept here: a message is made from the log whenever it is sent, so that who
-- was forgotten meanwhile is not told of.
--
--   daybook_app       a tenant's own endpoints, and what became of their messages
--   daybook_webhooks  hands out and sends for every tenant; it makes no endpoint and changes no
--                     settings: it moves the position on, pauses and disables
DO $$
BEGIN
    FOR attempt IN 1..50 LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'daybook_webhooks') THEN
                CREATE ROLE daybook_webhooks NOLOGIN NOBYPASSRLS;
            END IF;
            IF NOT pg_catalog.pg_has_role(current_user, 'daybook_webhooks', 'USAGE') THEN
                EXECUTE format('GRANT daybook_webhooks TO %I', current_user);
            END IF;
            EXIT;
        EXCEPTION
            WHEN duplicate_object OR unique_violation OR internal_error THEN
                -- Another database of the cluster was quicker, as in create_roles.
                IF attempt = 50 THEN
                    RAISE;
                END IF;
                PERFORM pg_catalog.pg_sleep(0.02);
        END;
    END LOOP;
END $$;

CREATE TABLE ops.webhook_endpoints (
    tenant_id        uuid        NOT NULL,
    endpoint_id      uuid        NOT NULL,
    url              text        NOT NULL CHECK (length(url) <= 2000),
    description      text,
    event_types      text[]      NOT NULL,
    include_personal boolean     NOT NULL,
    is_enabled       boolean     NOT NULL,
    disabled_reason  text,
    secret           bytea       NOT NULL,
    previous_secret  bytea,
    previous_until   timestamptz,
    position         bigint      NOT NULL CHECK (position >= 0),
    paused_until     timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, endpoint_id),
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
    CHECK (disabled_reason IS NULL OR NOT is_enabled)
);

COMMENT ON TABLE ops.webhook_endpoints IS 'Where a tenant wants to be told of events.';
COMMENT ON COLUMN ops.webhook_endpoints.event_types IS 'Names such as appointment.booked or appointment.*; none means every type.';
COMMENT ON COLUMN ops.webhook_endpoints.include_personal IS 'Whether personal data is sent; withheld otherwise, as in the feed.';
COMMENT ON COLUMN ops.webhook_endpoints.disabled_reason IS 'Why the sender disabled it; absent when the tenant did.';
COMMENT ON COLUMN ops.webhook_endpoints.secret IS 'What signs, sealed with a key of the tenant and bound to the endpoint.';
COMMENT ON COLUMN ops.webhook_endpoints.previous_secret IS 'The secret before the last rotation: signs too, until previous_until.';
COMMENT ON COLUMN ops.webhook_endpoints.position IS 'How far the log was handed out: every event up to it has its delivery, or was not asked for.';
COMMENT ON COLUMN ops.webhook_endpoints.paused_until IS 'The receiver asked to be left in peace until then.';

CREATE TABLE ops.webhook_deliveries (
    tenant_id       uuid        NOT NULL,
    endpoint_id     uuid        NOT NULL,
    position        bigint      NOT NULL CHECK (position > 0),
    event_id        uuid        NOT NULL,
    event_type      text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'skipped')),
    step            smallint    NOT NULL DEFAULT 0 CHECK (step >= 0),
    attempts        int         NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL,
    lease_id        uuid,
    last_attempt_at timestamptz,
    last_status     smallint,
    last_error      text,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, endpoint_id, position),
    UNIQUE (tenant_id, endpoint_id, event_id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES ops.webhook_endpoints ON DELETE CASCADE
);

COMMENT ON TABLE ops.webhook_deliveries IS 'One row per endpoint and event that it asked for.';
COMMENT ON COLUMN ops.webhook_deliveries.position IS 'Of the event, in the history of the tenant.';
COMMENT ON COLUMN ops.webhook_deliveries.event_id IS 'Of the event: the id of the message is msg_ and this, the same on every attempt.';
COMMENT ON COLUMN ops.webhook_deliveries.state IS 'skipped: the tenant resumed behind it.';
COMMENT ON COLUMN ops.webhook_deliveries.step IS 'Attempts of the running schedule; a redelivery begins again at 0.';
COMMENT ON COLUMN ops.webhook_deliveries.attempts IS 'Attempts ever.';
COMMENT ON COLUMN ops.webhook_deliveries.next_attempt_at IS 'While it is being sent: when it is taken for lost and sent again.';
COMMENT ON COLUMN ops.webhook_deliveries.lease_id IS 'Who sends it. An outcome of anybody else does not change the state.';
COMMENT ON COLUMN ops.webhook_deliveries.last_error IS 'A code of ours, never a text of the receiver.';

CREATE INDEX webhook_deliveries_due ON ops.webhook_deliveries (tenant_id, endpoint_id, next_attempt_at, position)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_settled ON ops.webhook_deliveries (tenant_id, endpoint_id, created_at)
    WHERE state <> 'pending';

CREATE TABLE ops.webhook_attempts (
    tenant_id   uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    position    bigint      NOT NULL,
    number      int         NOT NULL CHECK (number > 0),
    at          timestamptz NOT NULL,
    status      smallint,
    latency_ms  int         NOT NULL CHECK (latency_ms >= 0),
    error       text,
    PRIMARY KEY (tenant_id, endpoint_id, position, number),
    FOREIGN KEY (tenant_id, endpoint_id, position) REFERENCES ops.webhook_deliveries ON DELETE CASCADE
);

COMMENT ON TABLE ops.webhook_attempts IS 'The last attempts of each delivery.';
COMMENT ON COLUMN ops.webhook_attempts.status IS 'What the receiver answered; absent when no answer came.';
COMMENT ON COLUMN ops.webhook_attempts.error IS 'A code of ours, absent after a success.';

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['webhook_endpoints', 'webhook_deliveries', 'webhook_attempts'] LOOP
        EXECUTE format('ALTER TABLE ops.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE ops.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY own_tenant ON ops.%I TO daybook_app
            USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', v_table);
        EXECUTE format('CREATE POLICY send ON ops.%I TO daybook_webhooks USING (true) WITH CHECK (true)', v_table);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.webhook_endpoints TO daybook_app;
GRANT SELECT ON ops.webhook_deliveries, ops.webhook_attempts TO daybook_app;
GRANT UPDATE (state, step, next_attempt_at, lease_id) ON ops.webhook_deliveries TO daybook_app;

GRANT USAGE ON SCHEMA ops, log TO daybook_webhooks;
GRANT SELECT ON ops.webhook_endpoints TO daybook_webhooks;
GRANT UPDATE (position, is_enabled, disabled_reason, paused_until, updated_at) ON ops.webhook_endpoints TO daybook_webhooks;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.webhook_deliveries TO daybook_webhooks;
GRANT SELECT, INSERT, DELETE ON ops.webhook_attempts TO daybook_webhooks;

-- Where histories stand: which endpoints are behind is one question, not one per tenant.
GRANT SELECT (tenant_id, position) ON log.tenant_head TO daybook_webhooks;
CREATE POLICY send ON log.tenant_head FOR SELECT TO daybook_webhooks USING (true);
