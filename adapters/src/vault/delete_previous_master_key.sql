-- across tenants: the master key wraps the keys of all of them
DELETE FROM vault.master_keys
 WHERE NOT is_current
