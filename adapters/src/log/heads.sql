-- Across tenants by design: the readers of all tenants ask it where each history stands.
SELECT tenant_id, position, hash
  FROM log.tenant_head
 WHERE tenant_id > $1
 ORDER BY tenant_id
 LIMIT $2
