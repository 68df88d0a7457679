UPDATE ops.rebuilds
   SET replaced = NULL, replaced_version = NULL
 WHERE tenant_id = $1 AND projector = $2 AND version = $3
