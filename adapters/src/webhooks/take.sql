-- across tenants: one sender serves them all. Some of each endpoint, and the endpoints in any order, so
-- that none with a long queue keeps the others waiting. Whoever takes and then dies lets go when
-- next_attempt_at has come.
WITH due AS (
    SELECT d.tenant_id,
           d.endpoint_id,
           d.position
      FROM (
        SELECT it.tenant_id,
               it.endpoint_id
          FROM ops.webhook_endpoints AS it
         WHERE it.is_enabled
           AND (it.paused_until IS NULL OR it.paused_until <= $1)
           AND it.endpoint_id <> ALL ($6::uuid[])
         ORDER BY random()
     ) AS e
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
          e.signature,
          e.secret,
          CASE WHEN e.previous_until > $1 THEN e.previous_secret END AS previous_secret
