SELECT d.kind, d.id, d.position, d.state::text AS state
  FROM read.directory AS d
 WHERE d.tenant_id = $1
