INSERT INTO vault.subject_keys (tenant_id, subject_id, wrapped_key)
SELECT $1, it.subject_id, it.wrapped_key
  FROM unnest($2::uuid[], $3::bytea[]) AS it (subject_id, wrapped_key)
