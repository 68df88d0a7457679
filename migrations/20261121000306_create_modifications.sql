-- How often appointments are changed, and against which terms. Droppable: the projector
-- `modifications` makes it again from the log.
CREATE TABLE read.modification_stats (
    tenant_id            uuid        NOT NULL,
    appointment_id       uuid        NOT NULL,
    position             bigint      NOT NULL,
    customer_id          uuid        NOT NULL,
    company_id           uuid        NOT NULL,
    branch_id            uuid        NOT NULL,
    modification_count   int         NOT NULL,
    cancellation_count   int         NOT NULL,
    reschedule_count     int         NOT NULL,
    violation_count      int         NOT NULL,
    last_modification_at timestamptz,
    PRIMARY KEY (tenant_id, appointment_id),
    CHECK (modification_count = cancellation_count + reschedule_count)
);

COMMENT ON TABLE read.modification_stats IS 'How often each appointment was moved or called off.';
COMMENT ON COLUMN read.modification_stats.position IS 'The event that the row rests on.';
COMMENT ON COLUMN read.modification_stats.violation_count IS 'Changes that broke the agreed terms.';

CREATE INDEX modification_stats_by_company ON read.modification_stats (tenant_id, company_id, customer_id);
CREATE INDEX modification_stats_by_customer ON read.modification_stats (tenant_id, customer_id, modification_count);

CREATE TABLE read.policy_violations (
    tenant_id      uuid        NOT NULL,
    appointment_id uuid        NOT NULL,
    modification   int         NOT NULL,
    position       bigint      NOT NULL,
    customer_id    uuid        NOT NULL,
    company_id     uuid        NOT NULL,
    branch_id      uuid        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('cancellation', 'reschedule')),
    outcome        jsonb       NOT NULL,
    violated_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, appointment_id, modification)
);

COMMENT ON TABLE read.policy_violations IS 'Changes that broke the agreed terms, one by one.';
COMMENT ON COLUMN read.policy_violations.modification IS 'The number of the change of that appointment, from 1.';
COMMENT ON COLUMN read.policy_violations.outcome IS 'Which terms were broken, by how much, and what that costs.';

CREATE INDEX policy_violations_by_position ON read.policy_violations (tenant_id, position);
CREATE INDEX policy_violations_by_customer ON read.policy_violations (tenant_id, customer_id, position);
CREATE INDEX policy_violations_by_company ON read.policy_violations (tenant_id, company_id, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON read.modification_stats, read.policy_violations TO daybook_projector;
GRANT SELECT ON read.modification_stats, read.policy_violations TO daybook_app;
ALTER TABLE read.modification_stats ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.modification_stats FORCE ROW LEVEL SECURITY;
ALTER TABLE read.policy_violations ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.policy_violations FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.modification_stats TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY project ON read.policy_violations TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.modification_stats FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY own_tenant ON read.policy_violations FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
