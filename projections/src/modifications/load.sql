SELECT to_jsonb(m)
  FROM modification_stats AS m
 WHERE m.tenant_id = $1
   AND m.appointment_id IN (SELECT k.id::uuid FROM jsonb_array_elements_text($2::jsonb) AS k (id))
