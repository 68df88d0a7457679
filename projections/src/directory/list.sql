SELECT to_jsonb(d)
  FROM directory AS d
 WHERE d.tenant_id = $1 AND d.kind = $2
   AND ($3::uuid IS NULL OR d.company_id = $3)
   AND ($4::uuid IS NULL OR $4 = ANY (d.branch_ids))
   AND ($5::uuid IS NULL OR $5 = ANY (d.staff_ids))
   AND ($6::text IS NULL OR d.external_ref = $6)
   AND ($7::boolean IS NULL OR d.is_active = $7)
   AND ($8::text IS NULL OR (d.name, d.id) > ($8, $9))
 ORDER BY d.name, d.id
 LIMIT $10
