-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM unnest($2::uuid[]) AS k (appointment_id)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(a) AS it
             FROM appointments AS a
            WHERE a.tenant_id = $1 AND a.appointment_id = k.appointment_id
           OFFSET 0) AS found
