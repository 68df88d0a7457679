INSERT INTO log.events (
    tenant_id, position, aggregate_type, aggregate_id, sequence,
    event_id, event_type, event_version, payload, metadata, recorded_at, hash)
SELECT $1, e.position, e.aggregate_type, e.aggregate_id, e.sequence,
       e.event_id, e.event_type, e.event_version, e.payload::json, e.metadata::json, e.recorded_at, e.hash
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::text[],
              $9::text[], $10::text[], $11::timestamptz[], $12::bytea[])
       AS e (position, aggregate_type, aggregate_id, sequence,
             event_id, event_type, event_version, payload, metadata, recorded_at, hash)
