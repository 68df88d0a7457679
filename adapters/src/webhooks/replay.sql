-- What waits up to there is not wanted any more; what lies behind is handed out again.
WITH skipped AS (
    UPDATE ops.webhook_deliveries
       SET state = 'skipped',
           lease_id = NULL
     WHERE tenant_id = $1
       AND endpoint_id = $2
       AND position <= $3
       AND state = 'pending'
)
UPDATE ops.webhook_endpoints AS e
   SET position = $3,
       updated_at = $4
 WHERE tenant_id = $1
   AND endpoint_id = $2
RETURNING ops.shown(e) AS endpoint
