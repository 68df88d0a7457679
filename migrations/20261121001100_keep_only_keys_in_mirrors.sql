-- Mirrors are filled by key and compared by key: what only makes reading fast costs there for nothing,
-- and without it there is but one way to a row, whatever a planner believes of a table that fills up.
-- Keys and walls stay. Programs of before see no difference.
CREATE OR REPLACE FUNCTION ops.mirror(p_table text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    v_schema text;
    v_walls  text;
BEGIN
    SELECT string_agg(pg_get_constraintdef(c.oid), ', ') INTO STRICT v_walls
      FROM pg_constraint AS c
     WHERE c.conrelid = format('read.%I', p_table)::regclass AND c.contype IN ('p', 'u', 'x');
    FOREACH v_schema IN ARRAY ARRAY['read_next', 'read_before'] LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE read.%I INCLUDING ALL EXCLUDING INDEXES, %s)',
                       v_schema, p_table, p_table, v_walls);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO daybook_projector', v_schema, p_table);
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', v_schema, p_table);
        EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', v_schema, p_table);
        EXECUTE format('CREATE POLICY project ON %I.%I TO daybook_projector USING (true) WITH CHECK (true)',
                       v_schema, p_table);
    END LOOP;
END $$;

DO $$
DECLARE
    v_index text;
BEGIN
    FOR v_index IN
        SELECT i.indexrelid::regclass::text
          FROM pg_index AS i
          JOIN pg_class AS t ON t.oid = i.indrelid
         WHERE t.relnamespace IN ('read_next'::regnamespace, 'read_before'::regnamespace)
           AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
    LOOP
        EXECUTE format('DROP INDEX %s', v_index);
    END LOOP;
END $$;
