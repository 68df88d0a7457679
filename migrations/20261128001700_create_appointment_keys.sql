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

-- Row by row: most updates change none of it and never come here, and what comes is looked up by key.
CREATE FUNCTION ops.index_appointment() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM read.appointment_keys;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM read.appointment_keys AS k
         WHERE k.tenant_id = OLD.tenant_id AND k.key = ANY (OLD.staff_ids || OLD.service_ids)
           AND k.status = OLD.status AND k.starts_at = OLD.starts_at
           AND k.appointment_id = OLD.appointment_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO read.appointment_keys (tenant_id, key, status, starts_at, appointment_id)
        SELECT DISTINCT NEW.tenant_id, k.key, NEW.status, NEW.starts_at, NEW.appointment_id
          FROM unnest(NEW.staff_ids || NEW.service_ids) AS k (key);
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION ops.index_appointment IS 'Keeps read.appointment_keys.';

CREATE TRIGGER index_appointment_on_insert AFTER INSERT OR DELETE ON read.appointments
    FOR EACH ROW EXECUTE FUNCTION ops.index_appointment();
CREATE TRIGGER index_appointment_on_update AFTER UPDATE ON read.appointments
    FOR EACH ROW WHEN ((NEW.staff_ids, NEW.service_ids, NEW.status, NEW.starts_at)
                       IS DISTINCT FROM (OLD.staff_ids, OLD.service_ids, OLD.status, OLD.starts_at))
    EXECUTE FUNCTION ops.index_appointment();
CREATE TRIGGER index_appointment_on_truncate AFTER TRUNCATE ON read.appointments
    FOR EACH STATEMENT EXECUTE FUNCTION ops.index_appointment();
