-- When a customer who asked to be forgotten is to be (GDPR-07). Old code does not name the column and
-- goes on. The tables of a rebuild are copied column by column, so they get it too.
DO $$
DECLARE
    v_schema text;
BEGIN
    FOREACH v_schema IN ARRAY ARRAY['read', 'read_next', 'read_before'] LOOP
        EXECUTE format('ALTER TABLE %I.customers ADD COLUMN erasure_due_at timestamptz', v_schema);
        EXECUTE format('UPDATE %I.customers SET erasure_due_at = erasure_requested_at + interval ''720 hours''
                         WHERE erasure_requested_at IS NOT NULL', v_schema);
    END LOOP;
END $$;

COMMENT ON COLUMN read.customers.erasure_due_at IS 'When the wish to be forgotten is carried out; absent without one.';
COMMENT ON TABLE read.customers IS 'Customers as they stand. Cleared by customer.erased.';
