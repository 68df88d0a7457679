INSERT INTO ops.checkpoints (tenant_id, projector, version)
SELECT $1, p.name, p.version
  FROM unnest($2::text[], $3::int[]) AS p (name, version)
    ON CONFLICT DO NOTHING
