-- across tenants: the master key wraps the keys of all of them
SELECT check_value,
       is_current,
       handover
  FROM vault.master_keys
