-- By outside reference: what has it is read first, and put in order then.
SELECT to_jsonb(c)
  FROM (
           SELECT *
             FROM customers AS c
            WHERE c.tenant_id = $1 AND c.external_ref = $3
           OFFSET 0) AS c
 WHERE true
   AND ($2::uuid IS NULL OR c.company_id = $2)
   AND ($4::text IS DISTINCT FROM 'done' OR c.is_erased)
   AND ($4::text IS DISTINCT FROM 'pending' OR (c.erasure_due_at IS NOT NULL AND NOT c.is_erased))
   AND ($4::text IS DISTINCT FROM 'none' OR (c.erasure_requested_at IS NULL AND NOT c.is_erased))
   AND ($5::uuid IS NULL OR c.customer_id > $5)
 ORDER BY c.customer_id
 LIMIT $6
