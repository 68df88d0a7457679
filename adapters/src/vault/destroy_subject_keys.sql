-- A subject that never had a key gets none either.
INSERT INTO vault.subject_keys (tenant_id, subject_id, wrapped_key, destroyed_at)
SELECT $1::uuid, it.subject_id, NULL, now()
  FROM unnest($2::uuid[]) AS it (subject_id)
    ON CONFLICT (tenant_id, subject_id) DO UPDATE
   SET wrapped_key = NULL,
       destroyed_at = now()
 WHERE vault.subject_keys.wrapped_key IS NOT NULL
