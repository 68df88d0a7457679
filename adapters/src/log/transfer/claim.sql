-- Locked, so that nobody appends meanwhile.
SELECT position, hash, recorded_at FROM log.tenant_head WHERE tenant_id = $1 FOR UPDATE
