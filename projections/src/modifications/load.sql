-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM unnest($2::uuid[]) AS k (appointment_id)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(m) AS it
             FROM modification_stats AS m
            WHERE m.tenant_id = $1 AND m.appointment_id = k.appointment_id
           OFFSET 0) AS found
