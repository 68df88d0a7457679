-- The days that nothing has changed after a position: as they stand is how they stood.
SELECT d.calendar, d.date, c.claim_id, c.slot_from, c.slot_to, c.units, c.kind, c.expires_at,
       c.appointment_id, c.hold_id, c.service_id
  FROM unnest($2::text[]) AS k (calendar)
 CROSS JOIN LATERAL (
           SELECT o.calendar, o.date
             FROM read.calendar_days AS o
            WHERE o.tenant_id = $1 AND o.calendar = k.calendar AND o.date >= $3 AND o.date < $4
              AND o.position <= $5
           OFFSET 0) AS d
 CROSS JOIN LATERAL (
           SELECT o.claim_id, o.slot_from, o.slot_to, o.units, o.kind, o.expires_at,
                  o.appointment_id, o.hold_id, o.service_id
             FROM read.claims AS o
            WHERE o.tenant_id = $1 AND o.calendar = d.calendar AND o.date = d.date AND o.is_live
           OFFSET 0) AS c
