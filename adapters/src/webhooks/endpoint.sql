SELECT ops.shown(e) AS endpoint
  FROM ops.webhook_endpoints AS e
 WHERE tenant_id = $1
   AND endpoint_id = $2
