-- Who may do what on the log. FORCE holds the owner of the tables to the policies too.
--   daybook_append     appends through log.append_batch and reads any tenant that a statement names
--   daybook_projector  reads any tenant that a statement names
--   daybook_app        reads the one tenant that its connection was taken for, else nothing
REVOKE ALL ON SCHEMA log FROM PUBLIC;
GRANT USAGE ON SCHEMA log TO daybook_app, daybook_append, daybook_projector;
GRANT SELECT ON log.events, log.tenant_head, log.commands TO daybook_app, daybook_append, daybook_projector;
GRANT INSERT ON log.events, log.tenant_head, log.commands TO daybook_append;
GRANT UPDATE ON log.tenant_head TO daybook_append;

REVOKE ALL ON FUNCTION log.append_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_batch TO daybook_append;

ALTER TABLE log.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.events FORCE ROW LEVEL SECURITY;
ALTER TABLE log.tenant_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.tenant_head FORCE ROW LEVEL SECURITY;
ALTER TABLE log.commands ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.commands FORCE ROW LEVEL SECURITY;

CREATE POLICY append ON log.events TO daybook_append USING (true) WITH CHECK (true);
CREATE POLICY append ON log.tenant_head TO daybook_append USING (true) WITH CHECK (true);
CREATE POLICY append ON log.commands TO daybook_append USING (true) WITH CHECK (true);

CREATE POLICY project ON log.events FOR SELECT TO daybook_projector USING (true);
CREATE POLICY project ON log.tenant_head FOR SELECT TO daybook_projector USING (true);
CREATE POLICY project ON log.commands FOR SELECT TO daybook_projector USING (true);

CREATE POLICY own_tenant ON log.events FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY own_tenant ON log.tenant_head FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY own_tenant ON log.commands FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
