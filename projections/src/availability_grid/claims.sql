-- A claim over midnight has a row on each of its dates: one of them will do.
SELECT to_jsonb(c)
  FROM claims AS c
 WHERE c.tenant_id = $1 AND c.calendar = $2 AND c.is_live
   AND c.slot_from < $4 AND $3 < c.slot_to
   AND (c.expires_at IS NULL OR $5 < c.expires_at)
   AND NOT EXISTS (
           SELECT FROM claims AS first
            WHERE first.tenant_id = $1 AND first.calendar = c.calendar
              AND first.date = c.date - 1 AND first.claim_id = c.claim_id AND first.is_live)
 ORDER BY c.slot_from, c.claim_id
