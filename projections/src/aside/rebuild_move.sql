UPDATE ops.rebuilds
   SET position = $5
 WHERE tenant_id = $1 AND projector = $2 AND version = $3 AND position = $4 AND swapped_at IS NULL
