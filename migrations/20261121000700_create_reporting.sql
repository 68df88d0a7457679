-- What analysts may see: views in schema `reporting`, of one tenant, without personal data of
-- customers. Version 14 knows no security_invoker, so the views run with the rights of their owner:
-- `daybook_reporting`, which nobody logs in as, which does not pass row-level security, and which may
-- read no more columns than the views show. `daybook_analyst` may read the views and nothing else.
-- Old code does not see any of it.
CREATE SCHEMA reporting;

-- As in create_roles: another database of the cluster may be making them at this moment.
DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['daybook_reporting', 'daybook_analyst'] LOOP
        FOR attempt IN 1..50 LOOP
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = v_role) THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', v_role);
                END IF;
                -- From version 16 on, whoever makes a role is its member without being able to use it.
                IF NOT pg_catalog.pg_has_role(current_user, v_role, 'USAGE') THEN
                    EXECUTE format('GRANT %I TO %I', v_role, current_user);
                END IF;
                EXIT;
            EXCEPTION
                WHEN duplicate_object OR unique_violation OR internal_error THEN
                    IF attempt = 50 THEN
                        RAISE;
                    END IF;
                    PERFORM pg_catalog.pg_sleep(0.02);
            END;
        END LOOP;
    END LOOP;
END $$;

CREATE TABLE reporting.analysts (
    login      name        PRIMARY KEY,
    tenant_id  uuid        NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE reporting.analysts IS 'The one tenant that each analyst sees. By login: a session can change its settings, but not who it logged in as.';

REVOKE ALL ON SCHEMA reporting FROM PUBLIC;
GRANT USAGE ON SCHEMA reporting TO daybook_reporting, daybook_analyst, daybook_app;
GRANT SELECT ON reporting.analysts TO daybook_reporting;

-- Whoever is bound sees that tenant, whatever the session says. The program's own logins and those of
-- auditors choose by the setting, as everywhere; nobody else sees anything.
CREATE FUNCTION reporting.tenant() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT coalesce(
        (SELECT a.tenant_id FROM reporting.analysts AS a WHERE a.login = session_user),
        CASE WHEN pg_has_role(session_user, 'daybook_app', 'MEMBER')
             THEN nullif(current_setting('app.tenant_id', true), '')::uuid END)
$$;

COMMENT ON FUNCTION reporting.tenant IS 'The tenant that this session may report on; NULL: none.';

GRANT CREATE ON SCHEMA reporting TO daybook_reporting;
ALTER FUNCTION reporting.tenant() OWNER TO daybook_reporting;
REVOKE ALL ON FUNCTION reporting.tenant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reporting.tenant() TO daybook_reporting, daybook_analyst, daybook_app;

-- The owner of the views reads these, of that tenant. Of customers, no column that says who they are.
GRANT USAGE ON SCHEMA read, ops TO daybook_reporting;
GRANT SELECT ON read.appointments, read.activity_log, read.directory, read.modification_stats,
    read.policy_violations, read.customer_journey, ops.checkpoints TO daybook_reporting;
GRANT SELECT (tenant_id, customer_id, preferred_branch_id, registered_at) ON read.customers TO daybook_reporting;

CREATE POLICY report ON read.appointments FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON read.activity_log FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON read.directory FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON read.modification_stats FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON read.policy_violations FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON read.customer_journey FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON read.customers FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
CREATE POLICY report ON ops.checkpoints FOR SELECT TO daybook_reporting
    USING (tenant_id = (SELECT reporting.tenant()));
