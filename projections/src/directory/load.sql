-- Row by row, by its key: OFFSET 0 keeps a planner that believes the table to be empty from going over
-- all of it for each key.
SELECT found.it
  FROM unnest($2::text[], $3::uuid[]) AS k (kind, id)
 CROSS JOIN LATERAL (
           SELECT to_jsonb(d) AS it
             FROM directory AS d
            WHERE d.tenant_id = $1 AND d.kind = k.kind AND d.id = k.id
           OFFSET 0) AS found
