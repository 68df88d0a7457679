SELECT position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version,
       payload, metadata, recorded_at, hash
  FROM log.events
 WHERE tenant_id = $1 AND position > $2
 ORDER BY position
 LIMIT $3
