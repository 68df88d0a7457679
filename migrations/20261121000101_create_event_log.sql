-- The log: one gapless history per tenant, hash-chained. README.md of this folder has the exact
-- bytes that are hashed. Every key is led by the tenant, so the tables shard by tenant unchanged.
CREATE TABLE log.events (
    tenant_id      uuid        NOT NULL,
    position       bigint      NOT NULL CHECK (position > 0),
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    sequence       bigint      NOT NULL CHECK (sequence > 0),
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    event_version  text        NOT NULL,
    payload        json        NOT NULL,
    metadata       json        NOT NULL,
    recorded_at    timestamptz NOT NULL,
    hash           bytea       NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, aggregate_type, aggregate_id, sequence)
);

COMMENT ON TABLE log.events IS 'Every fact of every tenant. Append-only: UPDATE, DELETE and TRUNCATE are refused.';
COMMENT ON COLUMN log.events.position IS 'Place in the history of the tenant: gapless, in commit order, from 1.';
COMMENT ON COLUMN log.events.sequence IS 'Place in the stream (aggregate_type, aggregate_id): gapless, from 1.';
COMMENT ON COLUMN log.events.payload IS 'json, not jsonb: the bytes are hashed and never rewritten. Personal data is sealed.';
COMMENT ON COLUMN log.events.metadata IS 'Who, when, in which thread: a flat map of strings without personal data.';
COMMENT ON COLUMN log.events.hash IS 'sha256(hash of the event before || canonical bytes of this row); zeros stand before the first.';

-- The head is updated by every append: room on each page keeps its updates heap-only.
CREATE TABLE log.tenant_head (
    tenant_id   uuid        PRIMARY KEY,
    position    bigint      NOT NULL DEFAULT 0,
    hash        bytea       NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(hash) = 32),
    recorded_at timestamptz NOT NULL DEFAULT 'epoch',
    frozen_at   timestamptz,
    moved_to    text,
    CHECK (moved_to IS NULL OR frozen_at IS NOT NULL)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE log.tenant_head IS 'Where the history of each tenant stands. Its row lock orders the appends of the tenant.';
COMMENT ON COLUMN log.tenant_head.frozen_at IS 'Since when no append is accepted, because the tenant is being moved to another installation.';
COMMENT ON COLUMN log.tenant_head.moved_to IS 'The base URL of the installation that has the tenant from here on.';
COMMENT ON COLUMN log.tenant_head.recorded_at IS 'Of the last event: a clock that steps back never makes time go back in the log.';

CREATE TABLE log.commands (
    tenant_id    uuid        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    result       json        NOT NULL,
    position     bigint      NOT NULL,
    recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

COMMENT ON TABLE log.commands IS 'The first answer to every command with a key, written in the append transaction.';
COMMENT ON COLUMN log.commands.request_hash IS 'SHA-256 of the request: the same key with another request is refused.';
