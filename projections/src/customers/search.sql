-- A range of words is read in the order of the index, of each company by itself, and only as far as
-- needed, at most $13 words of it; then customers are looked up by key.
WITH RECURSIVE company (id) AS (
    (SELECT w.company_id
       FROM customer_words AS w
      WHERE w.tenant_id = $1 AND ($2::uuid IS NULL OR w.company_id = $2)
      ORDER BY w.company_id
      LIMIT 1)
    UNION ALL
    SELECT (SELECT w.company_id
              FROM customer_words AS w
             WHERE w.tenant_id = $1 AND w.company_id > c.id
             ORDER BY w.company_id
             LIMIT 1)
      FROM company AS c
     WHERE c.id IS NOT NULL AND $2 IS NULL
), hit AS (
    SELECT DISTINCT ON (found.customer_id) found.customer_id, k.rank, found.word
      FROM company AS c
     CROSS JOIN unnest($3::smallint[], $4::text[], $5::text[]) AS k (rank, low, high)
     CROSS JOIN LATERAL (
               SELECT w.customer_id, w.word
                 FROM (
                      SELECT w.customer_id, w.word
                        FROM (
                             SELECT w.customer_id, w.word
                               FROM customer_words AS w
                              WHERE w.tenant_id = $1 AND w.company_id = c.id
                                AND w.word >= k.low COLLATE "C" AND w.word < k.high COLLATE "C"
                              ORDER BY w.word
                              LIMIT $13) AS w
                       WHERE k.rank = 0
                          OR NOT EXISTS (
                                 SELECT
                                   FROM unnest($6::text[], $7::text[], $8::text[], $9::text[])
                                        AS o (low, high, other_low, other_high)
                                  WHERE NOT EXISTS (
                                            SELECT FROM customer_words AS v
                                             WHERE v.tenant_id = $1 AND v.customer_id = w.customer_id
                                               AND v.word >= o.low COLLATE "C"
                                               AND v.word < o.high COLLATE "C")
                                    AND NOT EXISTS (
                                            SELECT FROM customer_words AS v
                                             WHERE v.tenant_id = $1 AND v.customer_id = w.customer_id
                                               AND v.word >= o.other_low COLLATE "C"
                                               AND v.word < o.other_high COLLATE "C"))
                       ORDER BY w.word
                      OFFSET 0) AS w
                WHERE EXISTS (
                          SELECT FROM customers AS c
                           WHERE c.tenant_id = $1 AND c.customer_id = w.customer_id
                             AND ($12::text IS NULL OR c.external_ref = $12)
                             AND ($11::text IS NULL OR $11 = CASE
                                      WHEN c.is_erased THEN 'done'
                                      WHEN c.erasure_requested_at IS NOT NULL THEN 'pending'
                                      ELSE 'none' END))
                ORDER BY w.word
                LIMIT 2 * $10) AS found
     WHERE c.id IS NOT NULL
     ORDER BY found.customer_id, k.rank, found.word
)
SELECT to_jsonb(c)
  FROM hit
  JOIN customers AS c ON c.tenant_id = $1 AND c.customer_id = hit.customer_id
 ORDER BY hit.rank, hit.word, c.customer_id
 LIMIT $10
