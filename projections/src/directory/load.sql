-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM jsonb_to_recordset($2::jsonb) AS k (kind text, id uuid)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(d) AS it
             FROM directory AS d
            WHERE d.tenant_id = $1 AND d.kind = k.kind AND d.id = k.id
           OFFSET 0) AS found
