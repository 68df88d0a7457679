SELECT to_jsonb(a)
  FROM jsonb_array_elements_text($2::jsonb) AS k (id)
  JOIN appointments AS a
    ON a.tenant_id = $1 AND a.appointment_id = k.id::uuid
