-- across tenants: the master key wraps the keys of all of them
INSERT INTO vault.master_keys (check_value, is_current, handover)
VALUES ($1, true, $2)
