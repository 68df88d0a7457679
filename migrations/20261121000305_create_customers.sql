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
    phone_extension      text,
    phone_is_valid       boolean,
    email                text,
    language             text,
    preferred_branch_id  uuid,
    external_ref         text,
    consents             text[]      NOT NULL,
    erasure_requested_at timestamptz,
    is_erased            boolean     NOT NULL,
    words                text[]      NOT NULL,
    registered_at        timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, customer_id),
    CHECK (NOT is_erased OR (name IS NULL AND phone IS NULL AND phone_extension IS NULL AND email IS NULL
                             AND external_ref IS NULL AND words = '{}'))
);

COMMENT ON TABLE read.customers IS 'Customers as they stand. Cleared by customer.erased.';
COMMENT ON COLUMN read.customers.name IS 'Personal. NULL when unknown or erased.';
COMMENT ON COLUMN read.customers.phone IS 'Personal. E.164; NULL when unknown or erased.';
COMMENT ON COLUMN read.customers.phone_extension IS 'Personal. NULL when there is none or the customer was erased.';
COMMENT ON COLUMN read.customers.phone_is_valid IS 'Whether a numbering plan uses the number.';
COMMENT ON COLUMN read.customers.words IS 'Personal. What the customer is searched by, folded: the name from each of its words on, @ and the e-mail address from each word of its local part on; {} when erased.';
COMMENT ON COLUMN read.customers.email IS 'Personal. NULL when unknown or erased.';

CREATE INDEX customers_by_company ON read.customers (tenant_id, company_id, customer_id);
CREATE INDEX customers_by_external_ref ON read.customers (tenant_id, external_ref) WHERE external_ref IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON read.customers TO daybook_projector;
GRANT SELECT ON read.customers TO daybook_app;
ALTER TABLE read.customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.customers FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.customers TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.customers FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
