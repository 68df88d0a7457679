-- As when an endpoint is made: with a key its answer is kept, and a key that has one breaks it off.
WITH rotated AS (
    UPDATE ops.webhook_endpoints
       SET secret = $3,
           previous_secret = secret,
           previous_until = $4,
           public_key = CASE signature WHEN 'v1a' THEN $8::text END,
           updated_at = $5
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
), answered AS (
    INSERT INTO ops.webhook_answers (tenant_id, key, request_hash, endpoint, secret, created_at)
    SELECT $1, $6::text, $7::bytea, to_json(rotated), $3, $5
      FROM rotated
     WHERE $6::text IS NOT NULL
)
SELECT * FROM rotated
