WITH gone AS (
    DELETE FROM ops.runners WHERE runner_id = $1
)
UPDATE ops.leases
   SET owner = NULL, expires_at = 'epoch'
 WHERE owner = $1
