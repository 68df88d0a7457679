-- As events are: answers about time are long, and they are written as often as somebody asks.
DO $$
BEGIN
    ALTER TABLE ops.receipts
        ALTER COLUMN question SET COMPRESSION lz4,
        ALTER COLUMN answer SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4: receipts stay compressed with pglz';
END
$$;
