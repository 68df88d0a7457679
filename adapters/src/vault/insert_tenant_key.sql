-- Nothing new is wrapped by a master key that is being replaced.
INSERT INTO vault.tenant_keys (tenant_id, wrapped_key)
SELECT $1::uuid, $2::bytea
  FROM vault.master_keys AS m
 WHERE m.is_current
   AND substring(m.check_value FROM 1 FOR 8) = substring($2 FROM 1 FOR 8)
    ON CONFLICT (tenant_id) DO NOTHING
