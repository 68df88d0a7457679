-- across tenants: a lease is for a range of them.
-- A lease that nobody took is still ours, however late we are: the epoch is the same. What is more
-- than our share is given back.
WITH renewed AS (
UPDATE ops.leases AS l
   SET owner = CASE WHEN m.rank <= $3 THEN l.owner END,
       expires_at = CASE WHEN m.rank <= $3 THEN clock_timestamp() + make_interval(secs => $2) ELSE 'epoch' END
  FROM (SELECT range_no, row_number() OVER (ORDER BY range_no) AS rank
          FROM ops.leases
         WHERE owner = $1) AS m
 WHERE l.range_no = m.range_no AND l.owner = $1
RETURNING l.range_no, l.epoch, l.owner
)
SELECT range_no, epoch
  FROM renewed
 WHERE owner IS NOT NULL
