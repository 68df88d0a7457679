-- A claim over midnight has a row on each of its dates: one of them will do. Dates are local, and no clock
-- is a day away from UTC.
SELECT to_jsonb(c)
  FROM (
SELECT DISTINCT ON (c.slot_from, c.claim_id) c.*
  FROM claims AS c
 WHERE c.tenant_id = $1 AND c.calendar = $2 AND c.is_live
   AND c.date >= ($3::timestamptz AT TIME ZONE 'UTC')::date - 1
   AND c.date <= ($4::timestamptz AT TIME ZONE 'UTC')::date + 1
   AND c.slot_from < $4 AND $3 < c.slot_to
   AND (c.expires_at IS NULL OR $5 < c.expires_at)
 ORDER BY c.slot_from, c.claim_id, c.date) AS c
 ORDER BY c.slot_from, c.claim_id
