-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM unnest($2::text[], $3::date[], $4::uuid[]) AS k (calendar, date, claim_id)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(c) AS it
             FROM claims AS c
            WHERE c.tenant_id = $1 AND c.calendar = k.calendar AND c.date = k.date
              AND c.claim_id = k.claim_id
           OFFSET 0) AS found
