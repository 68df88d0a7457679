-- across tenants: the master key wraps the keys of all of them
UPDATE vault.master_keys
   SET handover = NULL
 WHERE check_value = $1
