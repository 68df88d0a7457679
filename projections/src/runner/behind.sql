-- The tenants whose history is longer than what some projector has seen of it. A projector of which
-- another version is live has nothing to do with them.
SELECT h.tenant_id
  FROM unnest($1::uuid[], $2::bigint[]) AS h (tenant_id, position)
 WHERE EXISTS (
           SELECT FROM unnest($3::text[], $4::int[]) AS p (name, version)
             LEFT JOIN ops.checkpoints AS c
               ON c.tenant_id = h.tenant_id AND c.projector = p.name
            WHERE coalesce(c.position, 0) < h.position AND coalesce(c.version, p.version) = p.version)
