UPDATE log.tenant_head
   SET frozen_at = coalesce(frozen_at, now())
 WHERE tenant_id = $1
RETURNING position, hash
