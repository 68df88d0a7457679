SELECT to_jsonb(r) - 'tenant_id'
  FROM ops.receipts AS r
 WHERE r.tenant_id = $1 AND r.receipt_id = $2
