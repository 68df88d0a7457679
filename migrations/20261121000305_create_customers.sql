-- The list of customers and the search in it. The only read model with personal data in clear: the
-- event that erases a customer clears it. Droppable: the projector `customers` makes it again.
CREATE TABLE read.customers (
    tenant_id            uuid        NOT NULL,
    customer_id          uuid        NOT NULL,
    position             bigint      NOT NULL,
    version              bigint      NOT NULL,
    company_id           uuid        NOT NULL,
    name                 text,
    phone                text,
    email                text,
    language             text,
    preferred_branch_id  uuid,
    external_ref         text,
    consents             text[]      NOT NULL,
    erasure_requested_at timestamptz,
    is_erased            boolean     NOT NULL,
    registered_at        timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, customer_id),
    CHECK (NOT is_erased OR (name IS NULL AND phone IS NULL AND email IS NULL AND external_ref IS NULL))
);

COMMENT ON TABLE read.customers IS 'Customers as they stand. Cleared by customer.erased.';
COMMENT ON COLUMN read.customers.name IS 'Personal. NULL when unknown or erased.';
COMMENT ON COLUMN read.customers.phone IS 'Personal. E.164; NULL when unknown or erased.';
COMMENT ON COLUMN read.customers.email IS 'Personal. NULL when unknown or erased.';

CREATE INDEX customers_by_name ON read.customers (tenant_id, lower(name) text_pattern_ops);
CREATE INDEX customers_by_phone ON read.customers (tenant_id, phone text_pattern_ops);
CREATE INDEX customers_by_email ON read.customers (tenant_id, lower(email) text_pattern_ops);

GRANT SELECT, INSERT, UPDATE, DELETE ON read.customers TO daybook_projector;
GRANT SELECT ON read.customers TO daybook_app;
ALTER TABLE read.customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.customers FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.customers TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.customers FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
