SELECT to_jsonb(c)
  FROM jsonb_array_elements_text($2::jsonb) AS k (id)
  JOIN customers AS c
    ON c.tenant_id = $1 AND c.customer_id = k.id::uuid
