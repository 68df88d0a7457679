-- Answers how far a rebuild under way is; one that was done gives way to a new one.
INSERT INTO ops.rebuilds AS r (tenant_id, projector, version)
VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id, projector, version) DO UPDATE SET
    position = CASE WHEN r.swapped_at IS NULL THEN r.position ELSE 0 END,
    started_at = CASE WHEN r.swapped_at IS NULL THEN r.started_at ELSE clock_timestamp() END,
    replaced = NULL, swapped_at = NULL
RETURNING position
