-- Positions have no gaps, so a page ends at a known one. Without that bound a planner whose statistics
-- lag behind sorts the whole rest of the history for every page.
SELECT position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version,
       payload, metadata, recorded_at, hash
  FROM log.events
 WHERE tenant_id = $1 AND position > $2 AND position <= $3
 ORDER BY position
