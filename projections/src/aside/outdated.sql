-- across tenants: the read models whose live version is older than the one that is known here.
SELECT c.tenant_id, c.projector
  FROM ops.checkpoints AS c
  JOIN unnest($1::text[], $2::int[]) AS p (name, version) ON c.projector = p.name
 WHERE c.version < p.version AND (c.tenant_id, c.projector) > ($3, $4)
 ORDER BY c.tenant_id, c.projector
 LIMIT 100
