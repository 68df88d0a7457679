-- The lists of companies, branches, staff, services and resources. Droppable: the projector
-- `directory` makes it again from the log.
CREATE TABLE read.directory (
    tenant_id    uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('company', 'branch', 'staff', 'service', 'resource')),
    id           uuid        NOT NULL,
    position     bigint      NOT NULL,
    version      bigint      NOT NULL,
    name         text        NOT NULL,
    company_id   uuid        NOT NULL,
    branch_ids   uuid[]      NOT NULL,
    staff_ids    uuid[]      NOT NULL,
    external_ref text,
    is_active    boolean     NOT NULL,
    state        jsonb       NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, kind, id)
);

COMMENT ON TABLE read.directory IS 'Master data as it stands, one row each. No personal data of customers.';
COMMENT ON COLUMN read.directory.company_id IS 'The company that it belongs to; of a company, itself.';
COMMENT ON COLUMN read.directory.branch_ids IS 'Of staff, where they work; of a resource, where it stands.';
COMMENT ON COLUMN read.directory.staff_ids IS 'Of a service, who does it.';
COMMENT ON COLUMN read.directory.state IS 'All of it, as the aggregate keeps it.';

CREATE INDEX directory_by_company ON read.directory (tenant_id, kind, company_id, name, id);
CREATE INDEX directory_by_external_ref ON read.directory (tenant_id, kind, external_ref) WHERE external_ref IS NOT NULL;
CREATE INDEX directory_by_name ON read.directory (tenant_id, kind, name, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON read.directory TO daybook_projector;
GRANT SELECT ON read.directory TO daybook_app;
ALTER TABLE read.directory ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.directory FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.directory TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.directory FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
