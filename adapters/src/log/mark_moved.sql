UPDATE log.tenant_head
   SET frozen_at = coalesce(frozen_at, now()),
       moved_to = $2
 WHERE tenant_id = $1
RETURNING position, hash
