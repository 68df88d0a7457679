INSERT INTO calendar_days AS t (
    tenant_id, calendar, date, position, claims, holds, busy_min)
SELECT $1, d.calendar, d.date, coalesce(max(c.position), 0),
       count(*) FILTER (WHERE c.is_live),
       count(*) FILTER (WHERE c.is_live AND c.kind = 'hold'),
       coalesce(sum(extract(epoch FROM c.slot_to - c.slot_from) / 60) FILTER (WHERE c.is_live), 0)
  FROM unnest($2::text[], $3::date[]) AS d (calendar, date)
  LEFT JOIN LATERAL (
           SELECT o.position, o.is_live, o.kind, o.slot_from, o.slot_to
             FROM claims AS o
            WHERE o.tenant_id = $1 AND o.calendar = d.calendar AND o.date = d.date
           OFFSET 0) AS c
    ON true
 GROUP BY d.calendar, d.date
    ON CONFLICT (tenant_id, calendar, date) DO UPDATE SET
    position = excluded.position, claims = excluded.claims, holds = excluded.holds,
    busy_min = excluded.busy_min
