SELECT to_jsonb(r) - 'tenant_id'
  FROM ops.receipts AS r
 WHERE r.tenant_id = $1
   AND ($2::int IS NULL OR r.status = $2)
   AND ($3::text IS NULL OR r.code = $3)
   AND ($4::timestamptz IS NULL OR r.at >= $4)
   AND ($5::timestamptz IS NULL OR r.at < $5)
   AND ($6::uuid IS NULL OR r.receipt_id < $6)
 ORDER BY r.receipt_id DESC
 LIMIT $7
