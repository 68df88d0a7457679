-- across tenants: it is the server that is asked
-- Which start of which server this is, and whether it only follows another one.
SELECT pg_postmaster_start_time()::text || ' ' || coalesce(host(inet_server_addr()), 'local')
           || ' ' || coalesce(inet_server_port(), 0) AS server,
       pg_is_in_recovery() AS is_standby
