-- across tenants: a key names its tenant
SELECT tenant_id,
       secret_hash,
       scopes,
       expires_at,
       revoked_at
  FROM ops.find_api_key($1)
