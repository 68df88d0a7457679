INSERT INTO activity_log (
    tenant_id, position, event_id, event_type, aggregate_type, aggregate_id, revision, actor,
    source, at, recorded_at, correlation_id, causation_id)
SELECT
    $1, r.position, r.event_id, r.event_type, r.aggregate_type, r.aggregate_id, r.revision,
    r.actor, r.source, r.at, r.recorded_at, r.correlation_id, r.causation_id
  FROM jsonb_populate_recordset(NULL::activity_log, $2::jsonb) AS r
    ON CONFLICT (tenant_id, position) DO NOTHING
