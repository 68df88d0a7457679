-- across tenants: the read models whose live version is older than the one that is known here, and those
-- that stand beyond the head of their history, if they are looked for.
SELECT c.tenant_id, c.projector
  FROM ops.checkpoints AS c
  JOIN unnest($1::text[], $2::int[]) AS p (name, version) ON c.projector = p.name
 WHERE (c.version < p.version
        OR ($5 AND c.version = p.version AND c.position > (
                SELECT h.position FROM log.tenant_head AS h WHERE h.tenant_id = c.tenant_id)))
   AND (c.tenant_id, c.projector) > ($3, $4)
 ORDER BY c.tenant_id, c.projector
 LIMIT 100
