-- across tenants: one sender serves them all. Some of each endpoint, so that one with a long queue does
-- not keep the others waiting. Whoever takes and then dies lets go when next_attempt_at has come.
WITH due AS (
    SELECT d.tenant_id,
           d.endpoint_id,
           d.position
      FROM ops.webhook_endpoints AS e
     CROSS JOIN LATERAL (
        SELECT it.tenant_id,
               it.endpoint_id,
               it.position
          FROM ops.webhook_deliveries AS it
         WHERE it.tenant_id = e.tenant_id
           AND it.endpoint_id = e.endpoint_id
           AND it.state = 'pending'
           AND it.next_attempt_at <= $1
         ORDER BY it.next_attempt_at,
                  it.position
         LIMIT $5
           FOR UPDATE SKIP LOCKED
     ) AS d
     WHERE e.is_enabled
       AND (e.paused_until IS NULL OR e.paused_until <= $1)
       AND e.endpoint_id <> ALL ($6::uuid[])
     LIMIT $4
)
UPDATE ops.webhook_deliveries AS d
   SET lease_id = $3,
       next_attempt_at = $2
  FROM due
  JOIN ops.webhook_endpoints AS e USING (tenant_id, endpoint_id)
 WHERE d.tenant_id = due.tenant_id
   AND d.endpoint_id = due.endpoint_id
   AND d.position = due.position
RETURNING d.tenant_id,
          d.endpoint_id,
          d.position,
          d.event_id,
          d.step,
          d.lease_id,
          e.url,
          e.include_personal,
          e.secret,
          CASE WHEN e.previous_until > $1 THEN e.previous_secret END AS previous_secret
