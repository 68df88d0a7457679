-- The roles that the pools of the program put on. None of them can log in, none passes row-level
-- security: the program connects as its own user and takes one of them with SET ROLE.
-- Roles belong to the whole cluster, so several databases may be migrated at once and find the
-- roles there, or see another one make them at this moment: both are fine.
CREATE SCHEMA log;
CREATE SCHEMA vault;

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['daybook_app', 'daybook_append', 'daybook_projector', 'daybook_vault'] LOOP
        FOR attempt IN 1..50 LOOP
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = v_role) THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', v_role);
                END IF;
                -- A superuser may take any role; everyone else must be a member who may use it: from PostgreSQL 16 on,
                -- whoever made a role administers it and may not use it yet.
                IF NOT pg_catalog.pg_has_role(current_user, v_role, 'USAGE') THEN
                    EXECUTE format('GRANT %I TO %I', v_role, current_user);
                END IF;
                EXIT;
            EXCEPTION
                WHEN duplicate_object OR unique_violation OR internal_error THEN
                    -- Another database of the cluster was quicker ("tuple concurrently updated").
                    IF attempt = 50 THEN
                        RAISE;
                    END IF;
                    PERFORM pg_catalog.pg_sleep(0.02);
            END;
        END LOOP;
    END LOOP;
END $$;
