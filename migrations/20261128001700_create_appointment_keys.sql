-- Appointments by staff member and by service, a row for each: an index that PostgreSQL can use behind
-- row-level security, where only leakproof operators see a row before its policy does. Those that ask
-- whether an array holds something are not.
--
-- It is derived from read.appointments in the statement that changes a row there, whoever changes it, so it
-- needs no digest and no mirror.
CREATE TABLE read.appointment_keys (
    tenant_id      uuid        NOT NULL,
    key            uuid        NOT NULL,
    status         text        NOT NULL,
    starts_at      timestamptz NOT NULL,
    appointment_id uuid        NOT NULL,
    PRIMARY KEY (tenant_id, key, status, starts_at, appointment_id)
);

COMMENT ON TABLE read.appointment_keys IS 'Appointments by staff member and service. Derived from read.appointments by triggers.';
COMMENT ON COLUMN read.appointment_keys.key IS 'A staff member of any phase, or a service.';

ALTER TABLE read.appointment_keys ALTER COLUMN tenant_id SET STATISTICS 0;

GRANT SELECT, INSERT, UPDATE, DELETE ON read.appointment_keys TO daybook_projector;
GRANT SELECT ON read.appointment_keys TO daybook_app;
ALTER TABLE read.appointment_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.appointment_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.appointment_keys TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.appointment_keys FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

CREATE FUNCTION ops.index_appointments() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO read.appointment_keys (tenant_id, key, status, starts_at, appointment_id)
        SELECT DISTINCT n.tenant_id, k.key, n.status, n.starts_at, n.appointment_id
          FROM new_rows AS n CROSS JOIN LATERAL unnest(n.staff_ids || n.service_ids) AS k (key);
    WHEN 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM new_rows AS n JOIN old_rows AS o USING (tenant_id, appointment_id)
             WHERE (n.staff_ids, n.service_ids, n.status, n.starts_at)
                   IS DISTINCT FROM (o.staff_ids, o.service_ids, o.status, o.starts_at)
        ) THEN
            RETURN NULL;
        END IF;
        DELETE FROM read.appointment_keys AS i
         USING old_rows AS o
          JOIN new_rows AS n USING (tenant_id, appointment_id)
         CROSS JOIN LATERAL unnest(o.staff_ids || o.service_ids) AS k (key)
         WHERE i.tenant_id = o.tenant_id AND i.key = k.key AND i.status = o.status AND i.starts_at = o.starts_at
           AND i.appointment_id = o.appointment_id
           AND (n.staff_ids, n.service_ids, n.status, n.starts_at)
               IS DISTINCT FROM (o.staff_ids, o.service_ids, o.status, o.starts_at);
        INSERT INTO read.appointment_keys (tenant_id, key, status, starts_at, appointment_id)
        SELECT DISTINCT n.tenant_id, k.key, n.status, n.starts_at, n.appointment_id
          FROM new_rows AS n
          JOIN old_rows AS o USING (tenant_id, appointment_id)
         CROSS JOIN LATERAL unnest(n.staff_ids || n.service_ids) AS k (key)
         WHERE (n.staff_ids, n.service_ids, n.status, n.starts_at)
               IS DISTINCT FROM (o.staff_ids, o.service_ids, o.status, o.starts_at);
    WHEN 'DELETE' THEN
        DELETE FROM read.appointment_keys AS i
         USING old_rows AS o
         CROSS JOIN LATERAL unnest(o.staff_ids || o.service_ids) AS k (key)
         WHERE i.tenant_id = o.tenant_id AND i.key = k.key AND i.status = o.status AND i.starts_at = o.starts_at
           AND i.appointment_id = o.appointment_id;
    ELSE
        DELETE FROM read.appointment_keys;
    END CASE;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION ops.index_appointments IS 'Keeps read.appointment_keys.';

CREATE TRIGGER index_appointments_on_insert AFTER INSERT ON read.appointments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ops.index_appointments();
CREATE TRIGGER index_appointments_on_update AFTER UPDATE ON read.appointments
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ops.index_appointments();
CREATE TRIGGER index_appointments_on_delete AFTER DELETE ON read.appointments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ops.index_appointments();
CREATE TRIGGER index_appointments_on_truncate AFTER TRUNCATE ON read.appointments
    FOR EACH STATEMENT EXECUTE FUNCTION ops.index_appointments();
