SELECT coalesce(sum(greatest(h.position - coalesce(c.position, 0), 0)), 0)::bigint AS events,
       count(*) FILTER (WHERE h.position > coalesce(c.position, 0)) AS tenants,
       coalesce(sum(c.parked_streams), 0)::bigint AS parked,
       count(*) FILTER (WHERE c.version <> p.version) AS outdated,
       coalesce(array_agg(h.tenant_id) FILTER (
           WHERE h.position > coalesce(c.position, 0) OR c.parked_streams > 0
              OR c.version <> p.version), '{}') AS with_something
  FROM unnest($3::text[], $4::int[]) WITH ORDINALITY AS p (name, version, no)
 CROSS JOIN unnest($1::uuid[], $2::bigint[]) AS h (tenant_id, position)
  LEFT JOIN ops.checkpoints AS c
    ON c.tenant_id = h.tenant_id AND c.projector = p.name
 GROUP BY p.no
 ORDER BY p.no
