INSERT INTO modification_stats AS t (
    tenant_id, appointment_id, position, customer_id, company_id, branch_id, modification_count,
    cancellation_count, reschedule_count, violation_count, last_modification_at)
SELECT
    $1, r.appointment_id, r.position, r.customer_id, r.company_id, r.branch_id,
    r.modification_count, r.cancellation_count, r.reschedule_count, r.violation_count,
    r.last_modification_at
  FROM unnest(
           $2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::uuid[], $7::bigint[],
           $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[])
       AS r (
           appointment_id, position, customer_id, company_id, branch_id, modification_count,
           cancellation_count, reschedule_count, violation_count, last_modification_at)
    ON CONFLICT (tenant_id, appointment_id) DO UPDATE SET
    position = excluded.position, modification_count = excluded.modification_count,
    cancellation_count = excluded.cancellation_count,
    reschedule_count = excluded.reschedule_count, violation_count = excluded.violation_count,
    last_modification_at = excluded.last_modification_at
 WHERE t.position < excluded.position
