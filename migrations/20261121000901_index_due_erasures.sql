CREATE INDEX customers_leaving ON read.customers (tenant_id, customer_id)
    WHERE erasure_due_at IS NOT NULL AND NOT is_erased;

-- The few customers of a tenant who wait to be forgotten, so that the job looks at nobody else.
CREATE INDEX customers_by_erasure ON read.customers (tenant_id, erasure_due_at)
    WHERE erasure_due_at IS NOT NULL AND NOT is_erased;
