INSERT INTO vault.tenant_keys (tenant_id, wrapped_key)
VALUES ($1, $2)
    ON CONFLICT (tenant_id) DO NOTHING
