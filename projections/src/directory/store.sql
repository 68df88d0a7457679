INSERT INTO directory AS t (
    tenant_id, kind, id, position, version, name, company_id, branch_ids, staff_ids,
    external_ref, is_active, state, updated_at)
SELECT
    $1, r.kind, r.id, r.position, r.version, r.name, r.company_id, r.branch_ids::uuid[],
    r.staff_ids::uuid[], r.external_ref, r.is_active, r.state, r.updated_at
  FROM unnest(
           $2::text[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::uuid[],
           $8::text[], $9::text[], $10::text[], $11::boolean[], $12::jsonb[], $13::timestamptz[])
       AS r (
           kind, id, position, version, name, company_id, branch_ids, staff_ids, external_ref,
           is_active, state, updated_at)
    ON CONFLICT (tenant_id, kind, id) DO UPDATE SET
    position = excluded.position, version = excluded.version, name = excluded.name,
    company_id = excluded.company_id, branch_ids = excluded.branch_ids,
    staff_ids = excluded.staff_ids, external_ref = excluded.external_ref,
    is_active = excluded.is_active, state = excluded.state, updated_at = excluded.updated_at
 WHERE t.position < excluded.position
