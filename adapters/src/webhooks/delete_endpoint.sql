DELETE FROM ops.webhook_endpoints AS e
 WHERE tenant_id = $1
   AND endpoint_id = $2
RETURNING ops.shown(e) AS endpoint
