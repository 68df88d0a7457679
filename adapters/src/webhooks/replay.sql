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
UPDATE ops.webhook_endpoints
   SET position = $3,
       updated_at = $4
 WHERE tenant_id = $1
   AND endpoint_id = $2
RETURNING endpoint_id AS id,
          url,
          description,
          event_types,
          include_personal,
          signature,
          public_key,
          is_enabled,
          disabled_reason,
          position,
          paused_until,
          previous_until,
          created_at,
          updated_at
