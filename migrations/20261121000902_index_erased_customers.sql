-- Customers who were forgotten, in the order of the history: whose erasure is to be finished is asked
-- from the last position that was looked at.
CREATE INDEX customers_erased_by_id ON read.customers (tenant_id, customer_id) WHERE is_erased;
CREATE INDEX customers_erased ON read.customers (tenant_id, position) WHERE is_erased;
