-- Whether nothing that stands in read_next counts: a rebuild has not begun, or is done and nothing of it
-- was needed. Holds the rebuild until the transaction ends.
SELECT true
  FROM ops.rebuilds
 WHERE tenant_id = $1 AND projector = $2 AND version = $3
   AND CASE WHEN swapped_at IS NULL THEN position = 0 ELSE replaced IS NULL END
   FOR UPDATE
