-- How far customers have come. Droppable: the projector `customer_journey` makes it again.
CREATE TABLE read.customer_journey (
    tenant_id        uuid        NOT NULL,
    customer_id      uuid        NOT NULL,
    position         bigint      NOT NULL,
    company_id       uuid        NOT NULL,
    booked           int         NOT NULL,
    completed        int         NOT NULL,
    cancelled        int         NOT NULL,
    missed           int         NOT NULL,
    calls            int         NOT NULL,
    spent_minor      bigint      NOT NULL,
    open_prices      jsonb       NOT NULL,
    last_activity_at timestamptz NOT NULL,
    history          jsonb       NOT NULL,
    is_erased        boolean     NOT NULL,
    PRIMARY KEY (tenant_id, customer_id)
);

COMMENT ON TABLE read.customer_journey IS 'What each customer has done with a company. No personal data; the stage of a moment follows from it.';
COMMENT ON COLUMN read.customer_journey.position IS 'The event that the row rests on.';
COMMENT ON COLUMN read.customer_journey.booked IS 'Appointments that were booked.';
COMMENT ON COLUMN read.customer_journey.completed IS 'Appointments that were kept.';
COMMENT ON COLUMN read.customer_journey.cancelled IS 'Appointments that the customer called off.';
COMMENT ON COLUMN read.customer_journey.missed IS 'Appointments that the customer missed.';
COMMENT ON COLUMN read.customer_journey.spent_minor IS 'What was spent on kept appointments, in the smallest unit of the company''s currency.';
COMMENT ON COLUMN read.customer_journey.open_prices IS 'The agreed prices of appointments that are not over.';
COMMENT ON COLUMN read.customer_journey.last_activity_at IS 'The latest sign of life.';
COMMENT ON COLUMN read.customer_journey.history IS 'The stages that were reached, and when.';

CREATE INDEX customer_journey_by_activity ON read.customer_journey (tenant_id, company_id, last_activity_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON read.customer_journey TO daybook_projector;
GRANT SELECT ON read.customer_journey TO daybook_app;
ALTER TABLE read.customer_journey ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.customer_journey FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.customer_journey TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.customer_journey FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
