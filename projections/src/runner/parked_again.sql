UPDATE ops.parked
   SET position = $6, revision = $7, event_id = $8, event_type = $9, error = $10,
       events_behind = greatest(events_behind - $11, 0), attempts = attempts + 1,
       tried_at = clock_timestamp()
 WHERE tenant_id = $1 AND projector = $2 AND version = $3
   AND aggregate_type = $4 AND aggregate_id = $5
