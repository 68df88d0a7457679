-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM jsonb_array_elements_text($2::jsonb) AS k (id)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(c) AS it
             FROM customers AS c
            WHERE c.tenant_id = $1 AND c.customer_id = k.id::uuid
           OFFSET 0) AS found
