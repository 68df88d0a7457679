INSERT INTO vault.subject_keys (tenant_id, subject_id, wrapped_key)
VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id, subject_id) DO NOTHING
