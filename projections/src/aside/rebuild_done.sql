UPDATE ops.rebuilds
   SET position = $5, replaced_version = $6, replaced = $7, swapped_at = clock_timestamp()
 WHERE tenant_id = $1 AND projector = $2 AND version = $3 AND position = $4 AND swapped_at IS NULL
