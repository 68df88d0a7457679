SELECT to_jsonb(c)
  FROM customers AS c
 WHERE c.tenant_id = $1
   AND c.customer_id IN (SELECT k.id::uuid FROM jsonb_array_elements_text($2::jsonb) AS k (id))
