-- across tenants: a lease is for a range of them.
UPDATE ops.leases AS l
   SET owner = $1, epoch = l.epoch + 1, expires_at = clock_timestamp() + make_interval(secs => $2)
  FROM (SELECT range_no
          FROM ops.leases
         WHERE owner IS NULL OR expires_at < clock_timestamp()
         ORDER BY range_no
         LIMIT $3
           FOR UPDATE SKIP LOCKED) AS free
 WHERE l.range_no = free.range_no
RETURNING l.range_no, l.epoch
