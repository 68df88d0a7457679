SELECT to_jsonb(c)
  FROM read.claims AS c
 WHERE c.tenant_id = $1 AND c.calendar = $2 AND c.is_live
   AND c.slot_from < $4 AND $3 < c.slot_to
   AND (c.expires_at IS NULL OR $5 < c.expires_at)
 ORDER BY c.slot_from, c.claim_id
