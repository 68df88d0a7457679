SELECT key_id,
       version,
       name,
       scopes,
       created_at,
       rotated_at,
       expires_at,
       revoked_at,
       last_used_at
  FROM ops.api_keys
 WHERE tenant_id = $1
   AND ($2::uuid IS NULL OR key_id = $2)
 ORDER BY created_at,
          key_id
