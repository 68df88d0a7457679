-- across tenants: a lease is for a range of them.
WITH gone AS (
    DELETE FROM ops.runners WHERE runner_id = $1
)
UPDATE ops.leases
   SET owner = NULL, expires_at = 'epoch'
 WHERE owner = $1
