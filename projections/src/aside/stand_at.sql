UPDATE ops.checkpoints
   SET version = $3, position = $4, parked_streams = 0, updated_at = clock_timestamp()
 WHERE tenant_id = $1 AND projector = $2
