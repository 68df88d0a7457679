SELECT to_jsonb(c)
  FROM customers AS c
 WHERE c.tenant_id = $1
   AND ($2::uuid IS NULL OR c.company_id = $2)
   AND ($3::text IS NULL OR lower(c.name) LIKE $3)
   AND ($4::text IS NULL OR c.phone LIKE $4)
   AND ($5::text IS NULL OR lower(c.email) = lower($5))
   AND ($6::text IS NULL OR c.external_ref = $6)
   AND ($9::text IS NULL OR $9 = CASE WHEN c.is_erased THEN 'done'
                                      WHEN c.erasure_requested_at IS NOT NULL THEN 'pending'
                                      ELSE 'none' END)
   AND ($7::uuid IS NULL OR c.customer_id > $7)
 ORDER BY c.customer_id
 LIMIT $8
