-- A page of statuses, of a company or of a branch: of each status as many keys as a page has, which an
-- index knows in their order, then the first of them all, then their rows.
SELECT to_jsonb(a)
  FROM (
SELECT a.starts_at, a.appointment_id
  FROM unnest($2::text[]) AS s (status)
 CROSS JOIN LATERAL (
SELECT a.starts_at, a.appointment_id
  FROM appointments AS a
 WHERE a.tenant_id = $1
   AND a.status = s.status
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
 LIMIT $14) AS a
 ORDER BY a.starts_at, a.appointment_id
 LIMIT $14
OFFSET 0) AS page
  JOIN appointments AS a ON a.tenant_id = $1 AND a.appointment_id = page.appointment_id
 ORDER BY page.starts_at, page.appointment_id
