SELECT subject_id,
       wrapped_key
  FROM vault.subject_keys
 WHERE tenant_id = $1
   AND subject_id = ANY($2)
