SELECT position, request_hash, result
  FROM log.commands
 WHERE tenant_id = $1 AND key = $2
