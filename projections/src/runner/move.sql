-- Locked in one order, so that two runners on one tenant queue up instead of deadlocking. Whoever
-- comes second finds the checkpoints elsewhere and moves nothing.
WITH locked AS (
    SELECT c.projector, c.version
      FROM unnest($2::text[], $3::int[]) AS p (name, version)
      JOIN ops.checkpoints AS c
        ON c.tenant_id = $1 AND c.projector = p.name AND c.version = p.version
     ORDER BY c.projector, c.version
       FOR UPDATE OF c
)
UPDATE ops.checkpoints AS c
   SET position = $5, updated_at = clock_timestamp()
  FROM locked AS l
 WHERE c.tenant_id = $1 AND c.projector = l.projector AND c.version = l.version
   AND c.position = $4
   AND ($6::int IS NULL OR EXISTS (
           SELECT FROM ops.leases AS lease
            WHERE lease.range_no = $6 AND lease.owner = $7 AND lease.epoch = $8))
RETURNING c.projector, c.version, c.parked_streams
