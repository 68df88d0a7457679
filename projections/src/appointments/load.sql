SELECT to_jsonb(a)
  FROM appointments AS a
 WHERE a.tenant_id = $1
   AND a.appointment_id IN (SELECT k.id::uuid FROM jsonb_array_elements_text($2::jsonb) AS k (id))
