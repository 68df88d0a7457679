-- Of the version that is live: it is what a query sees.
SELECT position
  FROM ops.checkpoints
 WHERE tenant_id = $1 AND projector = $2
