SELECT 'msg_' || replace(event_id::text, '-', '') AS message_id,
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
  FROM ops.webhook_deliveries
 WHERE tenant_id = $1
   AND endpoint_id = $2
   AND ($3::text IS NULL OR state = $3)
   AND ($4::bigint IS NULL OR position < $4)
 ORDER BY position DESC
 LIMIT $5
