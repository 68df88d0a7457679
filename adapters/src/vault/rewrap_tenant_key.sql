UPDATE vault.tenant_keys
   SET wrapped_key = $3
 WHERE tenant_id = $1
   AND wrapped_key = $2
