-- The keys that API clients show. Only the hash of a key is kept; a leaked database opens nothing.
-- A key names its tenant, so it is looked up before a tenant is known: through one function that
-- answers one row by its id, and nothing else.
CREATE TABLE ops.api_keys (
    tenant_id    uuid        NOT NULL,
    key_id       uuid        NOT NULL,
    name         text        NOT NULL,
    secret_hash  bytea       NOT NULL CHECK (length(secret_hash) = 32),
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, key_id),
    UNIQUE (key_id)
);

COMMENT ON TABLE ops.api_keys IS 'API keys by tenant. Several may be active, so that a client can rotate (SEC-24).';
COMMENT ON COLUMN ops.api_keys.last_used_at IS 'Kept to the minute, behind the requests.';
COMMENT ON COLUMN ops.api_keys.secret_hash IS 'SHA-256 of the 256-bit random secret.';

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
RETURNS TABLE (tenant_id uuid, secret_hash bytea, scopes text[], expires_at timestamptz, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT k.tenant_id, k.secret_hash, k.scopes, k.expires_at, k.revoked_at
      FROM ops.api_keys AS k
     WHERE k.key_id = wanted
$$;

REVOKE ALL ON FUNCTION ops.find_api_key(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.find_api_key(uuid) TO daybook_app;
