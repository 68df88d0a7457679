-- An attempt under way loses its lease: its outcome is noted, and this one is made all the same.
UPDATE ops.webhook_deliveries
   SET state = 'pending',
       step = 0,
       next_attempt_at = $4,
       lease_id = NULL
 WHERE tenant_id = $1
   AND endpoint_id = $2
   AND event_id = $3
RETURNING 'msg_' || replace(event_id::text, '-', '') AS message_id,
          position,
          event_id,
          event_type,
          state,
          attempts,
          CASE WHEN state = 'pending' THEN next_attempt_at END AS next_attempt_at,
          last_attempt_at,
          last_status,
          last_error,
          created_at
