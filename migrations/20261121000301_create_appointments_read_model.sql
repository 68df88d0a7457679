-- The lists of appointments. Droppable: the projector `appointments` makes it again from the log.
CREATE TABLE read.appointments (
    tenant_id         uuid        NOT NULL,
    appointment_id    uuid        NOT NULL,
    position          bigint      NOT NULL,
    version           bigint      NOT NULL,
    status            text        NOT NULL CHECK (status IN (
        'pending', 'confirmed', 'in_progress', 'completed', 'cancelled', 'no_show', 'rejected')),
    company_id        uuid        NOT NULL,
    branch_id         uuid        NOT NULL,
    zone              text        NOT NULL,
    customer_id       uuid        NOT NULL,
    staff_id          uuid        NOT NULL,
    staff_ids         uuid[]      NOT NULL,
    service_ids       uuid[]      NOT NULL,
    booking_type      text        NOT NULL,
    is_composite      boolean     NOT NULL,
    starts_at         timestamptz NOT NULL,
    ends_at           timestamptz NOT NULL,
    phases            jsonb       NOT NULL,
    price_minor       bigint      NOT NULL,
    currency          text        NOT NULL,
    source            text        NOT NULL,
    external_ref      text,
    call_id           text,
    series_id         uuid,
    series_number     int,
    modifications     int         NOT NULL,
    reschedules       int         NOT NULL,
    policy_violations int         NOT NULL,
    last_outcome      jsonb,
    booked_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, appointment_id)
);

COMMENT ON TABLE read.appointments IS 'One row per appointment, as it stands. No personal data.';
COMMENT ON COLUMN read.appointments.position IS 'The event that the row rests on.';
COMMENT ON COLUMN read.appointments.version IS 'The revision of the stream at that event.';
COMMENT ON COLUMN read.appointments.staff_ids IS 'Everyone who does a phase.';
COMMENT ON COLUMN read.appointments.last_outcome IS 'What the latest reschedule or cancellation came to under the agreed terms.';

CREATE INDEX appointments_by_start ON read.appointments (tenant_id, starts_at, appointment_id);
-- The longest appointment: none that overlaps an instant has begun earlier before it.
CREATE INDEX appointments_by_length ON read.appointments (tenant_id, (ends_at - starts_at));
CREATE INDEX appointments_by_customer ON read.appointments (tenant_id, customer_id, starts_at, appointment_id);
CREATE INDEX appointments_by_status ON read.appointments (tenant_id, status, starts_at, appointment_id);
CREATE INDEX appointments_by_branch ON read.appointments (tenant_id, branch_id, status, starts_at, appointment_id);
CREATE INDEX appointments_by_company ON read.appointments (tenant_id, company_id, status, starts_at, appointment_id);
CREATE INDEX appointments_by_series ON read.appointments (tenant_id, series_id, starts_at, appointment_id)
    WHERE series_id IS NOT NULL;
CREATE INDEX appointments_by_external_ref ON read.appointments (tenant_id, external_ref)
    WHERE external_ref IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON read.appointments TO daybook_projector;
GRANT SELECT ON read.appointments TO daybook_app;
ALTER TABLE read.appointments ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.appointments FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.appointments TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.appointments FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
