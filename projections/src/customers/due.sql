SELECT c.customer_id
  FROM read.customers AS c
 WHERE c.tenant_id = $1
   AND c.erasure_due_at IS NOT NULL
   AND NOT c.is_erased
   AND c.erasure_due_at <= $2
   AND ($3::uuid IS NULL OR c.customer_id > $3)
 ORDER BY c.customer_id
 LIMIT $4
