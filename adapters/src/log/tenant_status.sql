SELECT moved_to
  FROM log.tenant_head
 WHERE tenant_id = $1
   AND frozen_at IS NOT NULL
