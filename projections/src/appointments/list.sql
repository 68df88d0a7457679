-- A page by start, customer or series, and of temporary tables, which have no other index. Rows are given their shape when the page is complete.
SELECT to_jsonb(page.a)
  FROM (
SELECT a
  FROM appointments AS a
 WHERE a.tenant_id = $1
   AND ($2::text[] = '{}' OR a.status = ANY ($2))
   AND ($3::uuid IS NULL OR a.company_id = $3)
   AND ($4::uuid IS NULL OR a.branch_id = $4)
   AND ($5::uuid IS NULL OR $5 = ANY (a.staff_ids))
   AND ($6::uuid IS NULL OR a.customer_id = $6)
   AND ($7::uuid IS NULL OR $7 = ANY (a.service_ids))
   AND ($8::uuid IS NULL OR a.series_id = $8)
   AND ($9::text IS NULL OR a.external_ref = $9)
   AND ($10::timestamptz IS NULL OR a.ends_at > $10)
   AND ($10::timestamptz IS NULL OR a.starts_at > $10 - (
           SELECT l.ends_at - l.starts_at FROM appointments AS l
            WHERE l.tenant_id = $1 ORDER BY l.ends_at - l.starts_at DESC LIMIT 1))
   AND ($11::timestamptz IS NULL OR a.starts_at < $11)
   AND ($12::timestamptz IS NULL OR (a.starts_at, a.appointment_id) > ($12, $13))
 ORDER BY a.starts_at, a.appointment_id
 LIMIT $14
OFFSET 0) AS page
