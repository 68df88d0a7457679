-- What continues an earlier file may repeat its last answers.
INSERT INTO log.commands (tenant_id, key, request_hash, result, position, recorded_at)
SELECT $1, a.key, a.request_hash, a.result::json, a.position, a.recorded_at
  FROM unnest($2::text[], $3::bytea[], $4::text[], $5::bigint[], $6::timestamptz[])
       AS a (key, request_hash, result, position, recorded_at)
    ON CONFLICT (tenant_id, key) DO NOTHING
