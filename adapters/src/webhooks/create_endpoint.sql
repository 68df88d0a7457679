-- Nothing is made when the tenant has as many as it may have. With a key the answer is kept beside what
-- was made, or neither is: a key that has its answer already breaks the statement off.
WITH made AS (
    INSERT INTO ops.webhook_endpoints AS e (
        tenant_id, endpoint_id, url, description, event_types, include_personal, is_enabled, secret, position,
        created_at, updated_at, signature, public_key)
    SELECT $1, $2, $3, $4, $5, $6, true, $7, $8, $9, $9, $13, $14
     WHERE (SELECT count(*) FROM ops.webhook_endpoints WHERE tenant_id = $1) < $10
    RETURNING ops.shown(e) AS endpoint
), answered AS (
    INSERT INTO ops.webhook_answers (tenant_id, key, request_hash, endpoint, secret, created_at)
    SELECT $1, $11::text, $12::bytea, made.endpoint, $7, $9
      FROM made
     WHERE $11::text IS NOT NULL
)
SELECT endpoint FROM made
