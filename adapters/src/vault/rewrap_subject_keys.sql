-- A key that was destroyed meanwhile is another one now: it stays as it is.
UPDATE vault.subject_keys AS k
   SET wrapped_key = it.new_key
  FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS it (subject_id, old_key, new_key)
 WHERE k.tenant_id = $1
   AND k.subject_id = it.subject_id
   AND k.wrapped_key = it.old_key
