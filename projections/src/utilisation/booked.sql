-- Phases by the local date on which they begin. The price of an appointment counts where its first
-- phase does, so that sums are right.
WITH phase AS (
    SELECT a.appointment_id, a.status, a.branch_id, a.price_minor, p.no,
           (p.it ->> 'staff_id')::uuid AS staff_id,
           (p.it ->> 'service_id')::uuid AS service_id,
           ((p.it #>> '{active,from}')::timestamptz AT TIME ZONE a.zone)::date AS date,
           extract(epoch FROM (p.it #>> '{active,to}')::timestamptz
                            - (p.it #>> '{active,from}')::timestamptz) / 60 AS minutes
      FROM appointments AS a
     CROSS JOIN LATERAL jsonb_array_elements(a.phases) WITH ORDINALITY AS p (it, no)
     WHERE a.tenant_id = $1
       AND a.starts_at >= $3::date - interval '3 days' AND a.starts_at < $4::date + interval '3 days'
       AND ($5::uuid IS NULL OR a.company_id = $5)
       AND ($6::uuid IS NULL OR a.branch_id = $6)
)
SELECT CASE $2 WHEN 'staff' THEN staff_id WHEN 'branch' THEN branch_id ELSE service_id END AS id,
       count(DISTINCT appointment_id) FILTER (WHERE status NOT IN ('cancelled', 'rejected')) AS appointments,
       count(DISTINCT appointment_id) FILTER (WHERE status = 'completed') AS completed,
       count(DISTINCT appointment_id) FILTER (WHERE status = 'no_show') AS no_shows,
       count(DISTINCT appointment_id) FILTER (WHERE status = 'cancelled') AS cancelled,
       coalesce(sum(minutes) FILTER (WHERE status NOT IN ('cancelled', 'rejected')), 0)::bigint AS booked_min,
       coalesce(sum(price_minor) FILTER (WHERE status = 'completed' AND no = 1), 0)::bigint AS revenue_minor
  FROM phase
 WHERE date >= $3::date AND date <= $4::date
 GROUP BY 1
 ORDER BY booked_min DESC, 1
 LIMIT $7
