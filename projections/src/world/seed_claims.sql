-- Calendar by calendar, from a date on: what is past is never looked at. The calendars are found by going
-- from one to the next in the key, so that none is missing that its record does not tell yet.
WITH RECURSIVE calendars AS (
    (SELECT c.calendar
       FROM read.claims AS c
      WHERE c.tenant_id = $1
      ORDER BY c.calendar
      LIMIT 1)
    UNION ALL
    SELECT (SELECT c.calendar
              FROM read.claims AS c
             WHERE c.tenant_id = $1 AND c.calendar > k.calendar
             ORDER BY c.calendar
             LIMIT 1)
      FROM calendars AS k
     WHERE k.calendar IS NOT NULL
)
SELECT k.calendar, c.date, c.claim_id, c.slot_from, c.slot_to, c.units, c.kind, c.expires_at,
       c.appointment_id, c.hold_id, c.service_id
  FROM calendars AS k
 CROSS JOIN LATERAL (
           SELECT o.date, o.claim_id, o.slot_from, o.slot_to, o.units, o.kind, o.expires_at,
                  o.appointment_id, o.hold_id, o.service_id
             FROM read.claims AS o
            WHERE o.tenant_id = $1 AND o.calendar = k.calendar AND o.date >= $2 AND o.is_live
           OFFSET 0) AS c
 WHERE k.calendar IS NOT NULL
