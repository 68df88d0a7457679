UPDATE ops.webhook_endpoints AS e
   SET url = $3,
       description = $4,
       event_types = $5,
       include_personal = $6,
       updated_at = $7
 WHERE tenant_id = $1
   AND endpoint_id = $2
RETURNING ops.shown(e) AS endpoint
