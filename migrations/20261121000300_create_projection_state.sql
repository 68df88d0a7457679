-- What the projection runner remembers: how far each projector is with each tenant, who works on
-- which tenants, and which streams wait for someone to look at them. Nothing reads these tables
-- before the runner does.
CREATE SCHEMA IF NOT EXISTS ops;
CREATE SCHEMA IF NOT EXISTS read;

CREATE TABLE ops.checkpoints (
    tenant_id      uuid        NOT NULL,
    projector      text        NOT NULL,
    version        int         NOT NULL,
    position       bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    parked_streams int         NOT NULL DEFAULT 0 CHECK (parked_streams >= 0),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, projector, version)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE ops.checkpoints IS 'How far each projector is with each tenant. Moves in the transaction of the rows that it stands for.';
COMMENT ON COLUMN ops.checkpoints.position IS 'The last position that is in the read model, or parked.';
COMMENT ON COLUMN ops.checkpoints.parked_streams IS 'Rows in ops.parked, counted here so that the usual batch asks nothing more.';

-- Tenants are spread over a fixed number of ranges by the last byte of their id.
CREATE TABLE ops.leases (
    range_no   int         PRIMARY KEY,
    owner      uuid,
    epoch      bigint      NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT 'epoch'
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE ops.leases IS 'Which runner works on which range of tenants. A row, no session lock: it survives poolers.';
COMMENT ON COLUMN ops.leases.epoch IS 'Grows with every change of owner; a checkpoint moves only for the owner and epoch that took the lease.';

INSERT INTO ops.leases (range_no) SELECT generate_series(0, 63);

CREATE TABLE ops.runners (
    runner_id uuid        PRIMARY KEY,
    seen_at   timestamptz NOT NULL
) WITH (fillfactor = 20);

COMMENT ON TABLE ops.runners IS 'The runners that are alive: each takes its share of the leases.';

CREATE TABLE ops.parked (
    tenant_id      uuid        NOT NULL,
    projector      text        NOT NULL,
    version        int         NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    position       bigint      NOT NULL,
    revision       bigint      NOT NULL,
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    error          text        NOT NULL,
    events_behind  bigint      NOT NULL DEFAULT 0,
    attempts       int         NOT NULL DEFAULT 1,
    parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, projector, version, aggregate_type, aggregate_id)
);

COMMENT ON TABLE ops.parked IS 'Streams that a projector could not follow. Their later events wait behind the one that failed.';
COMMENT ON COLUMN ops.parked.position IS 'The event that failed.';
COMMENT ON COLUMN ops.parked.error IS 'What went wrong, without any value of the event: those may be personal.';

REVOKE ALL ON SCHEMA ops, read FROM PUBLIC;
GRANT USAGE ON SCHEMA ops, read TO daybook_projector, daybook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.checkpoints, ops.parked, ops.runners TO daybook_projector;
GRANT SELECT, UPDATE ON ops.leases TO daybook_projector;
GRANT SELECT ON ops.checkpoints, ops.parked TO daybook_app;

ALTER TABLE ops.checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.checkpoints FORCE ROW LEVEL SECURITY;
ALTER TABLE ops.parked ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.parked FORCE ROW LEVEL SECURITY;

CREATE POLICY project ON ops.checkpoints TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY project ON ops.parked TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON ops.checkpoints FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY own_tenant ON ops.parked FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
