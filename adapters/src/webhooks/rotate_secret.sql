-- As when an endpoint is made: with a key its answer is kept, and a key that has one breaks it off.
WITH rotated AS (
    UPDATE ops.webhook_endpoints AS e
       SET secret = $3,
           previous_secret = secret,
           previous_until = $4,
           public_key = CASE signature WHEN 'v1a' THEN $8::text END,
           updated_at = $5
     WHERE tenant_id = $1
       AND endpoint_id = $2
    RETURNING ops.shown(e) AS endpoint
), answered AS (
    INSERT INTO ops.webhook_answers (tenant_id, key, request_hash, endpoint, secret, created_at)
    SELECT $1, $6::text, $7::bytea, rotated.endpoint, $3, $5
      FROM rotated
     WHERE $6::text IS NOT NULL
)
SELECT endpoint FROM rotated
