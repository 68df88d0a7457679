-- How many words are in the ranges of each term, as far as that matters.
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
)
SELECT k.no, count(*)
  FROM company AS c
 CROSS JOIN unnest($3::int[], $4::text[], $5::text[]) AS k (no, low, high)
 CROSS JOIN LATERAL (
           SELECT
             FROM customer_words AS w
            WHERE w.tenant_id = $1 AND w.company_id = c.id AND w.word >= k.low COLLATE "C"
              AND w.word < k.high COLLATE "C"
            LIMIT $6) AS w
 GROUP BY k.no
