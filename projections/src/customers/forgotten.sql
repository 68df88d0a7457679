SELECT c.customer_id, c.position
  FROM read.customers AS c
 WHERE c.tenant_id = $1 AND c.is_erased AND c.position > $2
 ORDER BY c.position
 LIMIT $3
