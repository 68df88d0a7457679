SELECT position, parked_streams
  FROM ops.checkpoints
 WHERE tenant_id = $1 AND projector = $2 AND version = $3
