UPDATE log.tenant_head
   SET frozen_at = NULL,
       moved_to = NULL
 WHERE tenant_id = $1
RETURNING position, hash
