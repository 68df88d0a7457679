-- A page by outside reference: what has it is read first, and put in order then.
SELECT to_jsonb(page.a)
  FROM (
SELECT a
  FROM (
           SELECT *
             FROM appointments AS a
            WHERE a.tenant_id = $1 AND a.external_ref = $9
           OFFSET 0) AS a
 WHERE true
   AND ($2::text[] = '{}' OR a.status = ANY ($2))
   AND ($3::uuid IS NULL OR a.company_id = $3)
   AND ($4::uuid IS NULL OR a.branch_id = $4)
   AND ($5::uuid IS NULL OR $5 = ANY (a.staff_ids))
   AND ($6::uuid IS NULL OR a.customer_id = $6)
   AND ($7::uuid IS NULL OR $7 = ANY (a.service_ids))
   AND ($8::uuid IS NULL OR a.series_id = $8)
   AND ($10::timestamptz IS NULL OR a.ends_at > $10)
   AND ($10::timestamptz IS NULL OR a.starts_at > $10 - (
           SELECT l.ends_at - l.starts_at FROM appointments AS l
            WHERE l.tenant_id = $1 ORDER BY l.ends_at - l.starts_at DESC LIMIT 1))
   AND ($11::timestamptz IS NULL OR a.starts_at < $11)
   AND ($12::timestamptz IS NULL OR (a.starts_at, a.appointment_id) > ($12, $13))
 ORDER BY a.starts_at, a.appointment_id
 LIMIT $14
OFFSET 0) AS page
