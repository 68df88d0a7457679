-- The attempt is noted in any case; what it means for the delivery only if it is still the taker's.
WITH taken AS (
    SELECT lease_id IS NOT DISTINCT FROM $4 AS is_ours
      FROM ops.webhook_deliveries
     WHERE tenant_id = $1
       AND endpoint_id = $2
       AND position = $3
       FOR UPDATE
), settled AS (
    UPDATE ops.webhook_deliveries AS d
       SET attempts = attempts + 1,
           last_attempt_at = $7,
           last_status = $8,
           last_error = $10,
           state = CASE WHEN is_ours THEN $5 ELSE state END,
           step = CASE WHEN is_ours THEN step + 1 ELSE step END,
           next_attempt_at = CASE WHEN is_ours THEN $6 ELSE next_attempt_at END,
           lease_id = CASE WHEN is_ours THEN NULL ELSE lease_id END
      FROM taken
     WHERE tenant_id = $1
       AND endpoint_id = $2
       AND position = $3
    RETURNING tenant_id,
              endpoint_id,
              position,
              attempts
), noted AS (
    INSERT INTO ops.webhook_attempts (tenant_id, endpoint_id, position, number, at, status, latency_ms, error)
    SELECT tenant_id, endpoint_id, position, attempts, $7, $8, $9, $10
      FROM settled
), forgotten AS (
    DELETE FROM ops.webhook_attempts AS a
     USING settled AS s
     WHERE a.tenant_id = s.tenant_id
       AND a.endpoint_id = s.endpoint_id
       AND a.position = s.position
       AND a.number <= s.attempts - $14
)
UPDATE ops.webhook_endpoints
   SET is_enabled = $11::text IS NULL,
       disabled_reason = $11::text,
       -- What one message was asked to wait for is not cut short by another.
       paused_until = greatest(paused_until, $12::timestamptz),
       updated_at = $7
 WHERE tenant_id = $1
   AND endpoint_id = $2
   AND is_enabled
   AND url = $13
   AND ($11::text IS NOT NULL OR $12::timestamptz IS NOT NULL)
   -- A receiver that is gone is gone; that no attempt is left is no longer true of a redelivery.
   AND ($11::text IS DISTINCT FROM 'exhausted' OR (SELECT is_ours FROM taken))
