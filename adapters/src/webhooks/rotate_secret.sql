UPDATE ops.webhook_endpoints
   SET secret = $3,
       previous_secret = secret,
       previous_until = $4,
       updated_at = $5
 WHERE tenant_id = $1
   AND endpoint_id = $2
RETURNING endpoint_id AS id,
          url,
          description,
          event_types,
          include_personal,
          is_enabled,
          disabled_reason,
          position,
          paused_until,
          previous_until,
          created_at,
          updated_at
