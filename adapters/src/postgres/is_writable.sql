-- across tenants: it is the server that is asked
SELECT pg_catalog.pg_is_in_recovery() AS is_in_recovery,
       pg_catalog.current_setting('transaction_read_only')::boolean AS is_read_only
