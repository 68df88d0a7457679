-- Answers how far a rebuild under way is. One of another version is given up, and so is the way back
-- from the last one that was done: they would share the tables.
WITH given_up AS (
    DELETE FROM ops.rebuilds
     WHERE tenant_id = $1 AND projector = $2 AND version <> $3)
INSERT INTO ops.rebuilds AS r (tenant_id, projector, version)
VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id, projector, version) DO UPDATE SET
    position = CASE WHEN r.swapped_at IS NULL THEN r.position ELSE 0 END,
    started_at = CASE WHEN r.swapped_at IS NULL THEN r.started_at ELSE clock_timestamp() END,
    replaced = NULL, replaced_version = NULL, swapped_at = NULL
RETURNING position
