SELECT to_jsonb(v)
  FROM policy_violations AS v
 WHERE v.tenant_id = $1
   AND ($2::uuid IS NULL OR v.company_id = $2)
   AND ($3::uuid IS NULL OR v.customer_id = $3)
   AND ($4::timestamptz IS NULL OR v.violated_at >= $4)
   AND ($5::timestamptz IS NULL OR v.violated_at < $5)
   AND ($6::bigint IS NULL OR v.position < $6)
 ORDER BY v.position DESC
 LIMIT $7
