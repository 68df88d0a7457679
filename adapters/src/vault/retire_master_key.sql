-- across tenants: the master key wraps the keys of all of them
UPDATE vault.master_keys
   SET is_current = false,
       handover = $2
 WHERE check_value = $1
   AND is_current
   AND handover IS NULL
