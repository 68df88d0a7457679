-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM unnest($2::uuid[]) AS k (customer_id)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(j) AS it
             FROM customer_journey AS j
            WHERE j.tenant_id = $1 AND j.customer_id = k.customer_id
           OFFSET 0) AS found
