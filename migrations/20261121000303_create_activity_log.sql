-- Who did what, when, to what (SEC-21). Droppable: the projector `activity_log` makes it again.
CREATE TABLE read.activity_log (
    tenant_id      uuid        NOT NULL,
    position       bigint      NOT NULL,
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    revision       bigint      NOT NULL,
    actor          text        NOT NULL,
    source         text,
    at             timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    correlation_id text        NOT NULL,
    causation_id   text,
    PRIMARY KEY (tenant_id, position)
);

COMMENT ON TABLE read.activity_log IS 'Every event by who asked for it. From metadata alone: no personal data.';
COMMENT ON COLUMN read.activity_log.at IS 'The time that the command was decided for.';

CREATE INDEX activity_log_by_subject
    ON read.activity_log (tenant_id, aggregate_type, aggregate_id, position);
CREATE INDEX activity_log_by_actor ON read.activity_log (tenant_id, actor, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON read.activity_log TO daybook_projector;
GRANT SELECT ON read.activity_log TO daybook_app;
ALTER TABLE read.activity_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.activity_log FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.activity_log TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.activity_log FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
