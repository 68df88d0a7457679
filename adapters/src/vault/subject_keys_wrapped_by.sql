SELECT subject_id,
       wrapped_key
  FROM vault.subject_keys
 WHERE tenant_id = $1
   AND subject_id > $2
   AND substring(wrapped_key FROM 1 FOR 8) = $3
 ORDER BY subject_id
 LIMIT $4
