SELECT to_jsonb(m)
  FROM modification_stats AS m
 WHERE m.tenant_id = $1 AND m.appointment_id = $2
