-- Nothing for a projector of which another version is live.
SELECT c.position
  FROM unnest($2::text[], $3::int[]) WITH ORDINALITY AS p (name, version, no)
  LEFT JOIN ops.checkpoints AS c
    ON c.tenant_id = $1 AND c.projector = p.name AND c.version = p.version
 ORDER BY p.no
