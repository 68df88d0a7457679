INSERT INTO ops.receipts (
    tenant_id, receipt_id, at, key_id, request_id, route, question, status, code, position,
    answer_hash, answer)
SELECT
    $1, r.receipt_id, r.at, r.key_id, r.request_id, r.route, r.question, r.status, r.code,
    r.position, r.answer_hash, r.answer
  FROM jsonb_populate_recordset(NULL::ops.receipts, $2::jsonb) AS r
    ON CONFLICT (tenant_id, receipt_id) DO NOTHING
