WITH parked AS (
    INSERT INTO ops.parked (
        tenant_id, projector, version, aggregate_type, aggregate_id,
        position, revision, event_id, event_type, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    RETURNING tenant_id, projector, version
)
UPDATE ops.checkpoints AS c
   SET parked_streams = c.parked_streams + 1
  FROM parked AS p
 WHERE c.tenant_id = p.tenant_id AND c.projector = p.projector AND c.version = p.version
