SELECT coalesce(sum(greatest(h.position - coalesce(c.position, 0), 0)), 0)::bigint,
       count(*) FILTER (WHERE h.position > coalesce(c.position, 0)),
       coalesce(sum(c.parked_streams), 0)::bigint,
       count(*) FILTER (WHERE c.version <> p.version)
  FROM unnest($3::text[], $4::int[]) WITH ORDINALITY AS p (name, version, no)
 CROSS JOIN unnest($1::uuid[], $2::bigint[]) AS h (tenant_id, position)
  LEFT JOIN ops.checkpoints AS c
    ON c.tenant_id = h.tenant_id AND c.projector = p.name
 GROUP BY p.no
 ORDER BY p.no
