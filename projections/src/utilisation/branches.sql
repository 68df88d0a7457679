SELECT d.id
  FROM directory AS d
 WHERE d.tenant_id = $1 AND d.kind = 'branch' AND d.company_id = $2
