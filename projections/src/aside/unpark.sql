DELETE FROM ops.parked
 WHERE tenant_id = $1 AND projector = $2
