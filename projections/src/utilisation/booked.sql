-- Phases by the local date on which they begin. The price of an appointment counts where its first
-- phase does, so that sums are right.
WITH phase AS (
    SELECT a.appointment_id, a.status, a.branch_id, a.price_minor, p.no,
           (p.it ->> 'staff_id')::uuid AS staff_id,
           (p.it ->> 'service_id')::uuid AS service_id,
           a.phases_local[p.no] AS starts_local,
           (extract(epoch FROM (p.it #>> '{active,to}')::timestamptz
                             - (p.it #>> '{active,from}')::timestamptz) / 60)::int AS minutes
      FROM appointments AS a
     CROSS JOIN LATERAL jsonb_array_elements(a.phases) WITH ORDINALITY AS p (it, no)
     WHERE a.tenant_id = $1
       AND a.starts_at >= ($3::date - 3)::timestamp AT TIME ZONE 'UTC'
       AND a.starts_at < ($4::date + 3)::timestamp AT TIME ZONE 'UTC'
       AND ($5::uuid IS NULL OR a.company_id = $5)
       AND ($6::uuid IS NULL OR a.branch_id = $6)
), part AS (
    -- A phase as it is, or each hour that it touches with the minutes in it.
    SELECT p.appointment_id, p.status, p.branch_id, p.staff_id, p.service_id, p.starts_local,
           h.hour, h.minutes,
           CASE WHEN p.no = 1 AND h.is_first THEN p.price_minor ELSE 0 END AS price_minor
      FROM phase AS p
     CROSS JOIN LATERAL (
               SELECT extract(hour FROM p.starts_local)::int AS hour, p.minutes, true AS is_first
                WHERE $2 <> 'hour'
               UNION ALL
               SELECT extract(hour FROM t.at)::int,
                      (extract(epoch FROM least(t.at + interval '1 hour', e.at)
                                        - greatest(t.at, p.starts_local)) / 60)::int,
                      t.at <= p.starts_local
                 FROM (SELECT p.starts_local + p.minutes * interval '1 minute' AS at) AS e
                CROSS JOIN generate_series(date_trunc('hour', p.starts_local),
                                           e.at - interval '1 minute', interval '1 hour') AS t (at)
                WHERE $2 = 'hour') AS h
     WHERE p.starts_local >= $3::date AND p.starts_local < $4::date + 1
)
SELECT CASE $2 WHEN 'staff' THEN staff_id WHEN 'branch' THEN branch_id WHEN 'service' THEN service_id END AS id,
       CASE $2 WHEN 'weekday' THEN extract(isodow FROM starts_local)::int WHEN 'hour' THEN hour END AS slot,
       count(DISTINCT appointment_id) FILTER (WHERE status NOT IN ('cancelled', 'rejected')) AS appointments,
       count(DISTINCT appointment_id) FILTER (WHERE status = 'completed') AS completed,
       count(DISTINCT appointment_id) FILTER (WHERE status = 'no_show') AS no_shows,
       count(DISTINCT appointment_id) FILTER (WHERE status = 'cancelled') AS cancelled,
       coalesce(sum(minutes) FILTER (WHERE status NOT IN ('cancelled', 'rejected')), 0)::bigint AS booked_min,
       coalesce(sum(price_minor) FILTER (WHERE status = 'completed'), 0)::bigint AS revenue_minor
  FROM part
 GROUP BY 1, 2
 ORDER BY slot, booked_min DESC, 1
 LIMIT $7
