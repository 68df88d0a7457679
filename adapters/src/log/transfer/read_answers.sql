SELECT key, request_hash, result::text AS result, position, recorded_at
  FROM log.commands
 WHERE tenant_id = $1 AND ($2::text IS NULL OR key > $2) AND position BETWEEN $3 AND $4
 ORDER BY key
 LIMIT 1000
