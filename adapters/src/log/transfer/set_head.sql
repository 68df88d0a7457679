UPDATE log.tenant_head SET position = $2, hash = $3, recorded_at = $4 WHERE tenant_id = $1
