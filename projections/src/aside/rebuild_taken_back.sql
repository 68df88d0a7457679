DELETE FROM ops.rebuilds
 WHERE tenant_id = $1 AND projector = $2 AND swapped_at IS NOT NULL AND replaced IS NOT NULL
RETURNING version, replaced_version, replaced
