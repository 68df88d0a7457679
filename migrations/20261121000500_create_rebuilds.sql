-- Rebuilds. A read model is made again beside the live one, in the tables of schema `read_next`; what
-- it replaces is kept in `read_before` until the next rebuild, so that one can go back. The tables of
-- both are drawn after those of `read`: a read model's migration ends with ops.mirror('its_table').
CREATE SCHEMA read_next;
CREATE SCHEMA read_before;

CREATE FUNCTION ops.mirror(p_table text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    v_schema text;
BEGIN
    FOREACH v_schema IN ARRAY ARRAY['read_next', 'read_before'] LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE read.%I INCLUDING ALL)', v_schema, p_table, p_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO daybook_projector', v_schema, p_table);
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', v_schema, p_table);
        EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', v_schema, p_table);
        EXECUTE format('CREATE POLICY project ON %I.%I TO daybook_projector USING (true) WITH CHECK (true)',
                       v_schema, p_table);
    END LOOP;
END $$;

COMMENT ON FUNCTION ops.mirror IS 'Draws a table of schema read again in read_next and read_before.';

SELECT ops.mirror(t) FROM unnest(ARRAY[
    'appointments', 'claims', 'calendar_days', 'activity_log', 'directory', 'customers',
    'modification_stats', 'policy_violations', 'customer_journey']) AS t;

CREATE TABLE ops.rebuilds (
    tenant_id  uuid        NOT NULL,
    projector  text        NOT NULL,
    version    int         NOT NULL,
    position   bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    replaced   bigint,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    swapped_at timestamptz,
    PRIMARY KEY (tenant_id, projector, version)
);

COMMENT ON TABLE ops.rebuilds IS 'Rebuilds under way, which go on where they stopped, and the last one that was done, which can be taken back.';
COMMENT ON COLUMN ops.rebuilds.position IS 'The last position that is in read_next.';
COMMENT ON COLUMN ops.rebuilds.replaced IS 'Where the rows in read_before stood; absent while the rebuild is under way.';

REVOKE ALL ON SCHEMA read_next, read_before FROM PUBLIC;
GRANT USAGE ON SCHEMA read_next, read_before TO daybook_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.rebuilds TO daybook_projector;
ALTER TABLE ops.rebuilds ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.rebuilds FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON ops.rebuilds TO daybook_projector USING (true) WITH CHECK (true);
