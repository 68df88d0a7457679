-- Whoever switches it has seen why it was disabled.
UPDATE ops.webhook_endpoints AS e
   SET is_enabled = $3,
       disabled_reason = NULL,
       paused_until = NULL,
       updated_at = $4
 WHERE tenant_id = $1
   AND endpoint_id = $2
RETURNING ops.shown(e) AS endpoint
