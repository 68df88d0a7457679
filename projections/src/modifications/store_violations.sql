INSERT INTO policy_violations (
    tenant_id, appointment_id, modification, position, customer_id, company_id, branch_id, kind,
    outcome, violated_at)
SELECT
    $1, r.appointment_id, r.modification, r.position, r.customer_id, r.company_id, r.branch_id,
    r.kind, r.outcome, r.violated_at
  FROM jsonb_populate_recordset(NULL::policy_violations, $2::jsonb) AS r
    ON CONFLICT (tenant_id, appointment_id, modification) DO NOTHING
