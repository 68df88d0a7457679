SELECT DISTINCT s.aggregate_type, s.aggregate_id
  FROM unnest($2::text[], $3::int[]) AS p (name, version)
  JOIN ops.parked AS s
    ON s.tenant_id = $1 AND s.projector = p.name AND s.version = p.version
