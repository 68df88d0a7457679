INSERT INTO policy_violations (
    tenant_id, appointment_id, modification, position, customer_id, company_id, branch_id, kind,
    outcome, violated_at)
SELECT
    $1, r.appointment_id, r.modification, r.position, r.customer_id, r.company_id, r.branch_id,
    r.kind, r.outcome, r.violated_at
  FROM unnest(
           $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[],
           $8::text[], $9::jsonb[], $10::timestamptz[])
       AS r (
           appointment_id, modification, position, customer_id, company_id, branch_id, kind,
           outcome, violated_at)
    ON CONFLICT (tenant_id, appointment_id, modification) DO NOTHING
