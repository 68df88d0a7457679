-- Nothing new is wrapped by a master key that is being replaced.
INSERT INTO vault.subject_keys (tenant_id, subject_id, wrapped_key)
SELECT $1::uuid, it.subject_id, it.wrapped_key
  FROM unnest($2::uuid[], $3::bytea[]) AS it (subject_id, wrapped_key)
  JOIN vault.master_keys AS m
    ON m.is_current
   AND substring(m.check_value FROM 1 FOR 8) = substring(it.wrapped_key FROM 1 FOR 8)
