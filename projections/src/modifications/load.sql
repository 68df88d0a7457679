SELECT to_jsonb(m)
  FROM jsonb_array_elements_text($2::jsonb) AS k (id)
  JOIN modification_stats AS m
    ON m.tenant_id = $1 AND m.appointment_id = k.id::uuid
