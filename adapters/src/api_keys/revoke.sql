UPDATE ops.api_keys
   SET revoked_at = $3
 WHERE tenant_id = $1
   AND key_id = $2
   AND revoked_at IS NULL
