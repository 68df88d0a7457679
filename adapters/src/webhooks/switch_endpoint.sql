-- Whoever switches it has seen why it was disabled.
UPDATE ops.webhook_endpoints
   SET is_enabled = $3,
       disabled_reason = NULL,
       paused_until = NULL,
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
