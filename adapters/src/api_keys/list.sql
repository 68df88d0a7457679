SELECT key_id,
       name,
       scopes,
       created_at,
       expires_at,
       revoked_at,
       last_used_at
  FROM ops.api_keys
 WHERE tenant_id = $1
 ORDER BY created_at,
          key_id
