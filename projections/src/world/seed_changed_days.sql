SELECT d.calendar, d.date
  FROM unnest($2::text[]) AS k (calendar)
 CROSS JOIN LATERAL (
           SELECT o.calendar, o.date
             FROM read.calendar_days AS o
            WHERE o.tenant_id = $1 AND o.calendar = k.calendar AND o.date >= $3 AND o.date < $4
              AND o.position > $5
           OFFSET 0) AS d
