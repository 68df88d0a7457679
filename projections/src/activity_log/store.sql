INSERT INTO activity_log (
    tenant_id, position, event_id, event_type, aggregate_type, aggregate_id, revision, actor,
    source, at, recorded_at, correlation_id, causation_id)
SELECT
    $1, r.position, r.event_id, r.event_type, r.aggregate_type, r.aggregate_id, r.revision,
    r.actor, r.source, r.at, r.recorded_at, r.correlation_id, r.causation_id
  FROM unnest(
           $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[],
           $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[],
           $13::text[])
       AS r (
           position, event_id, event_type, aggregate_type, aggregate_id, revision, actor,
           source, at, recorded_at, correlation_id, causation_id)
    ON CONFLICT (tenant_id, position) DO NOTHING
