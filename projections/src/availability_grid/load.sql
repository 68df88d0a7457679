-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM jsonb_to_recordset($2::jsonb) AS k (calendar text, date date, claim_id uuid)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(c) AS it
             FROM claims AS c
            WHERE c.tenant_id = $1 AND c.calendar = k.calendar AND c.date = k.date
              AND c.claim_id = k.claim_id
           OFFSET 0) AS found
