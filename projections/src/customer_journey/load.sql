SELECT to_jsonb(j)
  FROM jsonb_array_elements_text($2::jsonb) AS k (id)
  JOIN customer_journey AS j
    ON j.tenant_id = $1 AND j.customer_id = k.id::uuid
