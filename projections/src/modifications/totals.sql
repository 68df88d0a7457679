SELECT m.customer_id, count(*) AS appointments,
       sum(m.modification_count)::bigint AS modifications,
       sum(m.cancellation_count)::bigint AS cancellations,
       sum(m.reschedule_count)::bigint AS reschedules,
       sum(m.violation_count)::bigint AS violations,
       max(m.last_modification_at) AS last_modification_at
  FROM modification_stats AS m
 WHERE m.tenant_id = $1
   AND ($2::uuid IS NULL OR m.company_id = $2)
   AND ($3::uuid IS NULL OR m.customer_id = $3)
   AND ($4::uuid IS NULL OR m.customer_id > $4)
 GROUP BY m.customer_id
HAVING sum(m.modification_count) >= $5
 ORDER BY m.customer_id
 LIMIT $6
