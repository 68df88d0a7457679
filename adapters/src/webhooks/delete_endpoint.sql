DELETE FROM ops.webhook_endpoints
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
