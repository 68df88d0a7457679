SELECT to_jsonb(d)
  FROM jsonb_to_recordset($2::jsonb) AS k (kind text, id uuid)
  JOIN directory AS d
    ON d.tenant_id = $1 AND d.kind = k.kind AND d.id = k.id
