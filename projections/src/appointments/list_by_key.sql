-- A page of a staff member or of a service ($15), or of both ($16): of each status as many keys as a page has, which an index
-- knows in their order, then the first of them all, then their rows.
SELECT to_jsonb(a)
  FROM (
SELECT k.starts_at, k.appointment_id
  FROM unnest($2::text[]) AS s (status)
 CROSS JOIN LATERAL (
SELECT k.starts_at, k.appointment_id
  FROM appointment_keys AS k
 WHERE k.tenant_id = $1
   AND k.key = $15
   AND k.status = s.status
   AND ($10::timestamptz IS NULL OR k.starts_at > $10 - (
           SELECT l.ends_at - l.starts_at FROM appointments AS l
            WHERE l.tenant_id = $1 ORDER BY l.ends_at - l.starts_at DESC LIMIT 1))
   AND ($11::timestamptz IS NULL OR k.starts_at < $11)
   AND ($12::timestamptz IS NULL OR (k.starts_at, k.appointment_id) > ($12, $13))
   AND ($16::uuid IS NULL OR EXISTS (
           SELECT
             FROM appointment_keys AS o
            WHERE o.tenant_id = $1 AND o.key = $16 AND o.status = k.status AND o.starts_at = k.starts_at
              AND o.appointment_id = k.appointment_id
           OFFSET 0))
   AND (coalesce($3::uuid, $4::uuid, $5::uuid, $6::uuid, $7::uuid, $8::uuid) IS NULL
        AND $9::text IS NULL AND $10::timestamptz IS NULL
        OR EXISTS (
           SELECT
             FROM appointments AS a
            WHERE a.tenant_id = $1
              AND a.appointment_id = k.appointment_id
              AND ($3::uuid IS NULL OR a.company_id = $3)
              AND ($4::uuid IS NULL OR a.branch_id = $4)
              AND ($5::uuid IS NULL OR $5 = ANY (a.staff_ids))
              AND ($6::uuid IS NULL OR a.customer_id = $6)
              AND ($7::uuid IS NULL OR $7 = ANY (a.service_ids))
              AND ($8::uuid IS NULL OR a.series_id = $8)
              AND ($9::text IS NULL OR a.external_ref = $9)
              AND ($10::timestamptz IS NULL OR a.ends_at > $10)
           OFFSET 0))
 ORDER BY k.starts_at, k.appointment_id
 LIMIT $14) AS k
 ORDER BY k.starts_at, k.appointment_id
 LIMIT $14
OFFSET 0) AS page
  JOIN appointments AS a ON a.tenant_id = $1 AND a.appointment_id = page.appointment_id
 ORDER BY page.starts_at, page.appointment_id
