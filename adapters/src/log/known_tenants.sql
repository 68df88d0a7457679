-- across tenants: which of those in a wake-up message are there
SELECT tenant_id
  FROM log.tenant_head
 WHERE tenant_id = ANY($1)
