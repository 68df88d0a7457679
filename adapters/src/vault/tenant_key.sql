SELECT wrapped_key
  FROM vault.tenant_keys
 WHERE tenant_id = $1
