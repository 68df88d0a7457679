DELETE FROM ops.receipts
 WHERE tenant_id = $1
   AND receipt_id IN (
           SELECT old.receipt_id
             FROM ops.receipts AS old
            WHERE old.tenant_id = $1 AND old.at < $2
            ORDER BY old.at
            LIMIT $3)
