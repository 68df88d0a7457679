-- What is kept of the days of a table, live and next: those that differ, and how many rows are live.
SELECT coalesce(sum(d.live_rows), 0)::bigint,
       coalesce(array_agg(d.day ORDER BY d.day) FILTER (WHERE d.differs), '{}')
  FROM (SELECT day, l.rows AS live_rows,
               (coalesce(l.rows, 0), coalesce(l.a, 0), coalesce(l.b, 0))
               IS DISTINCT FROM (coalesce(n.rows, 0), coalesce(n.a, 0), coalesce(n.b, 0)) AS differs
          FROM (SELECT day, rows, a, b
                  FROM ops.digests
                 WHERE tenant_id = $1 AND place = 'read' AND name = $2) AS l
          FULL JOIN (SELECT day, rows, a, b
                       FROM ops.digests
                      WHERE tenant_id = $1 AND place = 'read_next' AND name = $2) AS n
          USING (day)) AS d
