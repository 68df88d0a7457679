-- A digest per tenant, table and day of every read model, live or being made again: how many rows, and
-- two hashes over them that do not depend on their order. Two states of a read model are compared by
-- comparing days, not rows, which is what the swap of a rebuild does while the live projector waits;
-- and whoever changes a row behind the triggers' back leaves a digest that is not that of the rows.
--
-- Triggers keep them, in the transaction of the rows, so they are true whoever writes. A read model's
-- migration ends with ops.mirror('its_table') and ops.keep_digests('its_table', 'the day of a row r'); one
-- that adds a column, with ops.recount_digests('its_table').
CREATE TABLE ops.digests (
    tenant_id uuid   NOT NULL,
    place     text   NOT NULL CHECK (place IN ('read', 'read_next')),
    name      text   NOT NULL,
    day       date   NOT NULL,
    rows      bigint NOT NULL,
    a         bigint NOT NULL,
    b         bigint NOT NULL,
    PRIMARY KEY (tenant_id, place, name, day)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE ops.digests IS 'What the rows of a tenant in a table of a read model come to, per day.';
COMMENT ON COLUMN ops.digests.place IS 'The schema of the table.';
COMMENT ON COLUMN ops.digests.rows IS 'How many rows there are; a day that had some may have none.';
COMMENT ON COLUMN ops.digests.a IS 'The exclusive or of hash_record_extended(row, 0) over the rows.';
COMMENT ON COLUMN ops.digests.b IS 'The same with the seed 1.';

ALTER TABLE ops.digests ALTER COLUMN tenant_id SET STATISTICS 0;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.digests TO daybook_projector;
GRANT SELECT ON ops.digests TO daybook_app;
ALTER TABLE ops.digests ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.digests FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON ops.digests TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON ops.digests FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

CREATE FUNCTION ops.keep_digests(p_table text, p_day text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    v_schema  text;
    v_event   text;
    v_rows    text;
    v_counted text;
    -- Of the rows that are new or gone: each changes its day by itself.
    v_changes text := 'SELECT c.tenant_id, c.day, sum(c.n) AS rows, bit_xor(c.a) AS a, bit_xor(c.b) AS b FROM (';
    v_kept    text := ') AS c GROUP BY c.tenant_id, c.day ORDER BY c.tenant_id, c.day';
    v_each    text := 'SELECT r.tenant_id, %s AS day, %s AS n, hash_record_extended(r, 0) AS a, hash_record_extended(r, 1) AS b FROM %s AS r';
    v_new     text := format(v_each, p_day, '1', 'new_rows');
    v_old     text := format(v_each, p_day, '-1', 'old_rows');
    v_insert  text := 'INSERT INTO ops.digests AS d (tenant_id, place, name, day, rows, a, b)
                       SELECT s.tenant_id, TG_TABLE_SCHEMA, TG_TABLE_NAME, s.day, s.rows, s.a, s.b FROM (%s) AS s
                           ON CONFLICT (tenant_id, place, name, day) DO UPDATE SET
                           rows = d.rows + excluded.rows, a = d.a # excluded.a, b = d.b # excluded.b;';
BEGIN
    EXECUTE format(
        'CREATE FUNCTION ops.keep_digests_of_%s() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS %L',
        p_table,
        'BEGIN CASE TG_OP WHEN ''INSERT'' THEN ' || format(v_insert, v_changes || v_new || v_kept)
        || ' WHEN ''UPDATE'' THEN ' || format(v_insert, v_changes || v_new || ' UNION ALL ' || v_old || v_kept)
        || ' WHEN ''DELETE'' THEN ' || format(v_insert, v_changes || v_old || v_kept)
        || ' ELSE DELETE FROM ops.digests AS d WHERE d.place = TG_TABLE_SCHEMA AND d.name = TG_TABLE_NAME;'
        || ' END CASE; RETURN NULL; END');
    v_counted := format('DELETE FROM ops.digests AS d WHERE d.tenant_id = p_tenant AND d.name = %L;', p_table);
    FOREACH v_schema IN ARRAY ARRAY['read', 'read_next'] LOOP
        v_counted := v_counted || format(
            'INSERT INTO ops.digests (tenant_id, place, name, day, rows, a, b)
             SELECT s.tenant_id, %L, %L, s.day, s.rows, s.a, s.b FROM (%s) AS s;', v_schema, p_table,
            v_changes || format(v_each, p_day, '1', format('%I.%I', v_schema, p_table)) || ' WHERE r.tenant_id = p_tenant' || v_kept);
    END LOOP;
    EXECUTE format(
        'CREATE FUNCTION ops.count_digests_of_%s(p_tenant uuid) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS %L',
        p_table, 'BEGIN ' || v_counted || ' END');
    FOREACH v_schema IN ARRAY ARRAY['read', 'read_next'] LOOP
        -- Programs of before may be at work: nothing is written between the count and the triggers.
        EXECUTE format('LOCK TABLE %I.%I IN SHARE ROW EXCLUSIVE MODE', v_schema, p_table);
        EXECUTE format('INSERT INTO ops.digests (tenant_id, place, name, day, rows, a, b)
                        SELECT s.tenant_id, %L, %L, s.day, s.rows, s.a, s.b FROM (%s) AS s', v_schema, p_table,
                       v_changes || format(v_each, p_day, '1', format('%I.%I', v_schema, p_table)) || v_kept);
        FOREACH v_event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] LOOP
            v_rows := CASE v_event WHEN 'INSERT' THEN 'REFERENCING NEW TABLE AS new_rows'
                                   WHEN 'UPDATE' THEN 'REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows'
                                   WHEN 'DELETE' THEN 'REFERENCING OLD TABLE AS old_rows'
                                   ELSE '' END;
            EXECUTE format('CREATE TRIGGER keep_digests_on_%s AFTER %s ON %I.%I %s
                            FOR EACH STATEMENT EXECUTE FUNCTION ops.keep_digests_of_%s()',
                           lower(v_event), v_event, v_schema, p_table, v_rows, p_table);
        END LOOP;
    END LOOP;
END $$;

COMMENT ON FUNCTION ops.keep_digests IS 'Keeps the digests of a table of schema read and of its mirror in read_next; ops.count_digests_of_it(tenant) counts them anew.';

CREATE FUNCTION ops.recount_digests(p_table text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('LOCK TABLE read.%1$I, read_next.%1$I IN SHARE ROW EXCLUSIVE MODE', p_table);
    EXECUTE format('SELECT ops.count_digests_of_%s(t.tenant_id) FROM (SELECT DISTINCT tenant_id FROM ops.digests WHERE name = %L) AS t',
                   p_table, p_table);
END $$;

COMMENT ON FUNCTION ops.recount_digests IS 'Counts all digests of a table anew: a migration that adds a column to it, and so changes what rows come to, ends with it.';

SELECT ops.keep_digests('appointments', '(r.starts_at AT TIME ZONE ''UTC'')::date');
SELECT ops.keep_digests('claims', 'r.date');
SELECT ops.keep_digests('calendar_days', 'r.date');
SELECT ops.keep_digests('activity_log', '(r.recorded_at AT TIME ZONE ''UTC'')::date');
SELECT ops.keep_digests('directory', '(r.updated_at AT TIME ZONE ''UTC'')::date');
SELECT ops.keep_digests('customers', '(r.registered_at AT TIME ZONE ''UTC'')::date');
SELECT ops.keep_digests('modification_stats', 'coalesce((r.last_modification_at AT TIME ZONE ''UTC'')::date, ''epoch'')');
SELECT ops.keep_digests('policy_violations', '(r.violated_at AT TIME ZONE ''UTC'')::date');
SELECT ops.keep_digests('customer_journey', '(r.last_activity_at AT TIME ZONE ''UTC'')::date');
