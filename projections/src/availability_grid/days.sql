SELECT calendar, date, claims, holds, busy_min
  FROM calendar_days
 WHERE tenant_id = $1 AND calendar = $2 AND date >= $3 AND date < $4
 ORDER BY date
