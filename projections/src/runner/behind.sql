-- The tenants whose history is longer than what some projector has seen of it.
SELECT h.tenant_id
  FROM unnest($1::uuid[], $2::bigint[]) AS h (tenant_id, position)
 WHERE EXISTS (
           SELECT FROM unnest($3::text[], $4::int[]) AS p (name, version)
             LEFT JOIN ops.checkpoints AS c
               ON c.tenant_id = h.tenant_id AND c.projector = p.name AND c.version = p.version
            WHERE coalesce(c.position, 0) < h.position)
