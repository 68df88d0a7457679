SELECT to_jsonb(j)
  FROM customer_journey AS j
 WHERE j.tenant_id = $1
   AND j.customer_id IN (SELECT k.id::uuid FROM jsonb_array_elements_text($2::jsonb) AS k (id))
