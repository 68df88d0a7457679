INSERT INTO appointments AS t (
    tenant_id, appointment_id, position, version, status, company_id, branch_id, zone,
    customer_id, staff_id, staff_ids, service_ids, booking_type, is_composite, starts_at,
    ends_at, starts_local, ends_local, phases, phases_local, price_minor, currency, source,
    external_ref, call_id, series_id, series_number, modifications, reschedules,
    policy_violations, last_outcome, booked_at, updated_at)
SELECT
    $1, r.appointment_id, r.position, r.version, r.status, r.company_id, r.branch_id, r.zone,
    r.customer_id, r.staff_id, r.staff_ids::uuid[], r.service_ids::uuid[], r.booking_type,
    r.is_composite, r.starts_at, r.ends_at, r.starts_local, r.ends_local, r.phases,
    r.phases_local::timestamp[], r.price_minor, r.currency, r.source, r.external_ref, r.call_id,
    r.series_id, r.series_number, r.modifications, r.reschedules, r.policy_violations,
    r.last_outcome, r.booked_at, r.updated_at
  FROM unnest(
           $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::uuid[], $7::uuid[],
           $8::text[], $9::uuid[], $10::uuid[], $11::text[], $12::text[], $13::text[],
           $14::boolean[], $15::timestamptz[], $16::timestamptz[], $17::timestamp[],
           $18::timestamp[], $19::jsonb[], $20::text[], $21::bigint[], $22::text[],
           $23::text[], $24::text[], $25::text[], $26::uuid[], $27::bigint[], $28::bigint[],
           $29::bigint[], $30::bigint[], $31::jsonb[], $32::timestamptz[], $33::timestamptz[])
       AS r (
           appointment_id, position, version, status, company_id, branch_id, zone, customer_id,
           staff_id, staff_ids, service_ids, booking_type, is_composite, starts_at, ends_at,
           starts_local, ends_local, phases, phases_local, price_minor, currency, source,
           external_ref, call_id, series_id, series_number, modifications, reschedules,
           policy_violations, last_outcome, booked_at, updated_at)
    ON CONFLICT (tenant_id, appointment_id) DO UPDATE SET
    position = excluded.position, version = excluded.version, status = excluded.status,
    company_id = excluded.company_id, branch_id = excluded.branch_id, zone = excluded.zone,
    customer_id = excluded.customer_id, staff_id = excluded.staff_id,
    staff_ids = excluded.staff_ids, service_ids = excluded.service_ids,
    booking_type = excluded.booking_type, is_composite = excluded.is_composite,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    starts_local = excluded.starts_local, ends_local = excluded.ends_local,
    phases = excluded.phases, phases_local = excluded.phases_local,
    price_minor = excluded.price_minor, currency = excluded.currency, source = excluded.source,
    external_ref = excluded.external_ref, call_id = excluded.call_id,
    series_id = excluded.series_id, series_number = excluded.series_number,
    modifications = excluded.modifications, reschedules = excluded.reschedules,
    policy_violations = excluded.policy_violations, last_outcome = excluded.last_outcome,
    booked_at = excluded.booked_at, updated_at = excluded.updated_at
 WHERE t.position < excluded.position
