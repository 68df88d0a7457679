INSERT INTO claims AS t (
    tenant_id, calendar, date, claim_id, position, slot_from, slot_to, units, capacity, kind,
    is_live, expires_at, appointment_id, phase_id, hold_id, service_id,
    counts_on)
SELECT
    $1, r.calendar, r.date, r.claim_id, r.position, r.slot_from, r.slot_to, r.units, r.capacity,
    r.kind, r.is_live, r.expires_at, r.appointment_id, r.phase_id, r.hold_id, r.service_id,
    r.counts_on
  FROM unnest(
           $2::text[], $3::date[], $4::uuid[], $5::bigint[], $6::timestamptz[],
           $7::timestamptz[], $8::bigint[], $9::bigint[], $10::text[], $11::boolean[],
           $12::timestamptz[], $13::uuid[], $14::uuid[], $15::uuid[], $16::uuid[],
           $17::date[])
       AS r (
           calendar, date, claim_id, position, slot_from, slot_to, units, capacity, kind,
           is_live, expires_at, appointment_id, phase_id, hold_id, service_id, counts_on)
    ON CONFLICT (tenant_id, calendar, date, claim_id) DO UPDATE SET
    position = excluded.position, slot_from = excluded.slot_from, slot_to = excluded.slot_to,
    units = excluded.units, capacity = excluded.capacity, kind = excluded.kind,
    is_live = excluded.is_live, expires_at = excluded.expires_at,
    appointment_id = excluded.appointment_id, phase_id = excluded.phase_id,
    hold_id = excluded.hold_id, service_id = excluded.service_id,
    counts_on = excluded.counts_on
 WHERE t.position < excluded.position
