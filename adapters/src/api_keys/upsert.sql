-- From the key's own events. Whoever read fewer of them changes nothing.
INSERT INTO ops.api_keys AS k (
    tenant_id, key_id, version, name, scopes, created_at, rotated_at, expires_at, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id, key_id) DO UPDATE
   SET version = excluded.version,
       name = excluded.name,
       scopes = excluded.scopes,
       created_at = excluded.created_at,
       rotated_at = excluded.rotated_at,
       expires_at = excluded.expires_at,
       revoked_at = excluded.revoked_at
 WHERE k.version < excluded.version
