-- The position moves on and the deliveries are there, both or neither. It does nothing when somebody
-- else was quicker, or when the endpoint was changed since its events were chosen. Only after a replay
-- there may be a delivery already: it begins anew, under the same id.
WITH moved AS (
    UPDATE ops.webhook_endpoints
       SET position = $4
     WHERE tenant_id = $1
       AND endpoint_id = $2
       AND position = $3
       AND event_types = $5
       AND is_enabled
    RETURNING tenant_id,
              endpoint_id
), handed AS (
    INSERT INTO ops.webhook_deliveries (
        tenant_id, endpoint_id, position, event_id, event_type, state, next_attempt_at, created_at)
    SELECT moved.tenant_id, moved.endpoint_id, it.position, it.event_id, it.event_type, 'pending', $6, $6
      FROM moved
     CROSS JOIN unnest($7::bigint[], $8::uuid[], $9::text[]) AS it (position, event_id, event_type)
        ON CONFLICT (tenant_id, endpoint_id, position) DO UPDATE
       SET state = 'pending',
           step = 0,
           next_attempt_at = excluded.next_attempt_at,
           lease_id = NULL
)
SELECT count(*) FROM moved
