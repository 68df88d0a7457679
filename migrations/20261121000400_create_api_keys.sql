-- The keys of API clients, made from the events of their streams: the log decides whether a key is
-- good, this table finds and lists them. A row holds no secret and no hash of one.
-- A key names its tenant, so it is looked up before a tenant is known: through one function that
-- answers the tenant of one key by its id, and nothing else.
CREATE TABLE ops.api_keys (
    tenant_id    uuid        NOT NULL,
    key_id       uuid        NOT NULL,
    version      bigint      NOT NULL,
    name         text        NOT NULL,
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL,
    rotated_at   timestamptz,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, key_id),
    UNIQUE (key_id)
);

COMMENT ON TABLE ops.api_keys IS 'API keys by tenant. Several may be active, so that a client can rotate (SEC-24).';
COMMENT ON COLUMN ops.api_keys.version IS 'The revision of the key''s stream that the row was made from.';
COMMENT ON COLUMN ops.api_keys.last_used_at IS 'Kept to the minute, behind the requests.';

ALTER TABLE ops.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.api_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON ops.api_keys TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

GRANT USAGE ON SCHEMA ops TO daybook_app;
GRANT SELECT, INSERT, UPDATE ON ops.api_keys TO daybook_app;

-- FORCE holds the owner to row-level security too, so the function carries a policy of its own.
CREATE POLICY lookup ON ops.api_keys FOR SELECT TO current_user USING (true);

CREATE FUNCTION ops.find_api_key(wanted uuid)
RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT k.tenant_id
      FROM ops.api_keys AS k
     WHERE k.key_id = wanted
$$;

REVOKE ALL ON FUNCTION ops.find_api_key(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.find_api_key(uuid) TO daybook_app;
