-- The claims on every calendar, and the second wall against double booking: the calendar_day streams
-- are the first. Droppable: the projector `availability_grid` makes it again from the log.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
EXCEPTION
    WHEN undefined_file OR feature_not_supported THEN
        RAISE EXCEPTION 'the extension btree_gist is not installed on this server'
            USING HINT = 'It is part of PostgreSQL contrib: install the package postgresql-contrib.';
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the migrating user may not create the extension btree_gist'
            USING HINT = 'It needs CREATE on the database; or let a superuser run: CREATE EXTENSION btree_gist';
END $$;

CREATE TABLE read.claims (
    tenant_id      uuid        NOT NULL,
    calendar       text        NOT NULL,
    date           date        NOT NULL,
    claim_id       uuid        NOT NULL,
    position       bigint      NOT NULL,
    slot_from      timestamptz NOT NULL,
    slot_to        timestamptz NOT NULL,
    units          int         NOT NULL,
    capacity       int         NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('hold', 'pending', 'booked', 'block', 'external')),
    is_live        boolean     NOT NULL,
    expires_at     timestamptz,
    appointment_id uuid,
    phase_id       uuid,
    hold_id        uuid,
    service_id     uuid,
    counts_on      date,
    PRIMARY KEY (tenant_id, calendar, date, claim_id),
    CHECK (slot_from < slot_to),
    -- Two slots that overlap share a local date, so the wall stands on each date by itself, as the
    -- streams do: whatever part of an append is here, a stream gives a place back before it claims it
    -- again. A lapsed hold that was not replaced harms nobody: what takes its place releases it first.
    -- Deferred, so that the order in which a batch writes its rows does not matter.
    CONSTRAINT claims_one_at_a_time EXCLUDE USING gist (
        tenant_id WITH =, calendar WITH =, date WITH =, tstzrange(slot_from, slot_to) WITH &&
    ) WHERE (is_live AND capacity = 1) DEFERRABLE INITIALLY DEFERRED
);

COMMENT ON TABLE read.claims IS 'Every claim on every day of every calendar, those given back included: an event that comes twice changes nothing.';
COMMENT ON COLUMN read.claims.slot_from IS 'Of the whole slot: a claim over midnight has a row on each of its dates.';
COMMENT ON COLUMN read.claims.capacity IS 'Units that the calendar had when the claim was accepted.';
COMMENT ON COLUMN read.claims.counts_on IS 'The date of the branch on which it counts towards limits per day.';
COMMENT ON COLUMN read.claims.is_live IS 'False once it was given back. A hold counts until expires_at.';

CREATE INDEX claims_by_slot ON read.claims (tenant_id, calendar, slot_from) WHERE is_live;

CREATE TABLE read.calendar_days (
    tenant_id uuid   NOT NULL,
    calendar  text   NOT NULL,
    date      date   NOT NULL,
    position  bigint NOT NULL,
    claims    int    NOT NULL,
    holds     int    NOT NULL,
    busy_min  int    NOT NULL,
    PRIMARY KEY (tenant_id, calendar, date)
);

COMMENT ON TABLE read.calendar_days IS 'What is taken on each day of each calendar: the claims that touch it, with their whole slots.';
COMMENT ON COLUMN read.calendar_days.holds IS 'Of the claims, those that are holds, lapsed ones included.';

GRANT SELECT, INSERT, UPDATE, DELETE ON read.claims, read.calendar_days TO daybook_projector;
GRANT SELECT ON read.claims, read.calendar_days TO daybook_app;
ALTER TABLE read.claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.claims FORCE ROW LEVEL SECURITY;
ALTER TABLE read.calendar_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.calendar_days FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.claims TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY project ON read.calendar_days TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.claims FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY own_tenant ON read.calendar_days FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
