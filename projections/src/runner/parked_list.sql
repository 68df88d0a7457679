SELECT projector, version, aggregate_type, aggregate_id, position, revision, event_type, error,
       events_behind, attempts, parked_at
  FROM ops.parked
 WHERE tenant_id = $1
 ORDER BY position, projector, version
