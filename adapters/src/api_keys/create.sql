INSERT INTO ops.api_keys (tenant_id, key_id, name, secret_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
