SELECT to_jsonb(c)
  FROM jsonb_to_recordset($2::jsonb) AS k (calendar text, date date, claim_id uuid)
  JOIN claims AS c
    ON c.tenant_id = $1 AND c.calendar = k.calendar AND c.date = k.date AND c.claim_id = k.claim_id
