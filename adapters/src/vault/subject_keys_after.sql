SELECT subject_id,
       wrapped_key
  FROM vault.subject_keys
 WHERE tenant_id = $1
   AND subject_id > $2
 ORDER BY subject_id
 LIMIT $3
