-- An event of over 2 kB, such as a booking with its plan, is stored compressed. PostgreSQL's own method
-- costs the append and every replay several times what lz4 does. What was stored before stays as it is
-- and is read the same; a server built without lz4 keeps its own method.
DO $$
BEGIN
    ALTER TABLE log.events ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4: events stay compressed with pglz';
END
$$;
