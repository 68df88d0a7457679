SELECT revision
  FROM ops.parked
 WHERE tenant_id = $1 AND projector = $2 AND version = $3
   AND aggregate_type = $4 AND aggregate_id = $5
