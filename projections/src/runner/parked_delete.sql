WITH gone AS (
    DELETE FROM ops.parked
     WHERE tenant_id = $1 AND projector = $2 AND version = $3
       AND aggregate_type = $4 AND aggregate_id = $5
    RETURNING tenant_id, projector, version
)
UPDATE ops.checkpoints AS c
   SET parked_streams = c.parked_streams - 1
  FROM gone AS g
 WHERE c.tenant_id = g.tenant_id AND c.projector = g.projector AND c.version = g.version
