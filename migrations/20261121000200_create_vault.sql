-- The keys that personal data and outside secrets are sealed with, each wrapped by the master key,
-- which is never in the database. Only the vault reads them, one tenant at a time.
--
-- A wrapped key begins with the 8 bytes that name the master key: two are in use while one replaces the other.
CREATE TABLE vault.master_keys (
    check_value bytea       PRIMARY KEY CHECK (octet_length(check_value) = 32),
    is_current  boolean     NOT NULL,
    handover    bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (is_current OR handover IS NOT NULL)
);

CREATE UNIQUE INDEX master_keys_current ON vault.master_keys (is_current) WHERE is_current;
CREATE UNIQUE INDEX master_keys_previous ON vault.master_keys (is_current) WHERE NOT is_current;

COMMENT ON TABLE vault.master_keys IS 'Which master key wraps the keys of this vault: one, or two while a rotation is under way.';
COMMENT ON COLUMN vault.master_keys.check_value IS 'HMAC-SHA256 with the master key over a constant; its first 8 bytes are the fingerprint of the key.';
COMMENT ON COLUMN vault.master_keys.handover IS 'While a rotation is under way: the other master key, sealed with this one.';

CREATE TABLE vault.subject_keys (
    tenant_id    uuid        NOT NULL,
    subject_id   uuid        NOT NULL,
    wrapped_key  bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant_id, subject_id),
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);

COMMENT ON TABLE vault.subject_keys IS 'One key per customer. Destroying it erases the person from every event.';
COMMENT ON COLUMN vault.subject_keys.destroyed_at IS 'The row stays without its key, so that no new key is ever made for an erased subject.';

CREATE TABLE vault.tenant_keys (
    tenant_id   uuid        PRIMARY KEY,
    wrapped_key bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE vault.tenant_keys IS 'One key per tenant: seals outside secrets and keys the blind indexes.';

REVOKE ALL ON SCHEMA vault FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO daybook_vault;
GRANT SELECT, INSERT, UPDATE ON vault.subject_keys TO daybook_vault;
GRANT SELECT, INSERT, UPDATE ON vault.tenant_keys TO daybook_vault;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.master_keys TO daybook_vault;

ALTER TABLE vault.subject_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.subject_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE vault.tenant_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.tenant_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE vault.master_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.master_keys FORCE ROW LEVEL SECURITY;

-- They are nobody's: the vault's role alone sees them.
CREATE POLICY every_row ON vault.master_keys TO daybook_vault USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON vault.subject_keys TO daybook_vault
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY own_tenant ON vault.tenant_keys TO daybook_vault
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
