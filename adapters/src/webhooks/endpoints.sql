SELECT ops.shown(e) AS endpoint
  FROM ops.webhook_endpoints AS e
 WHERE tenant_id = $1
   AND ($2::uuid IS NULL OR endpoint_id > $2)
 ORDER BY endpoint_id
 LIMIT $3
