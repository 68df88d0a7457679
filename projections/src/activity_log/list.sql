SELECT position, event_type, aggregate_type, aggregate_id, actor, source, at, correlation_id
  FROM activity_log
 WHERE tenant_id = $1
   AND ($2::text IS NULL OR actor = $2)
   AND ($3::text IS NULL OR aggregate_type = $3)
   AND ($4::text IS NULL OR aggregate_id = $4)
   AND ($5::timestamptz IS NULL OR recorded_at >= $5)
   AND ($6::timestamptz IS NULL OR recorded_at < $6)
   AND ($7::bigint IS NULL OR position < $7)
 ORDER BY position DESC
 LIMIT $8
