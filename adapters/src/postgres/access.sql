-- across tenants: it is the server that is asked
WITH sessions AS (
    SELECT usename, datname FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'
)
SELECT current_setting('port')::int AS port,
       pg_catalog.inet_server_port() AS dialed,
       least(
           current_setting('max_connections')::bigint
               - current_setting('superuser_reserved_connections')::bigint
               - coalesce(current_setting('reserved_connections', true)::bigint, 0)
               - (SELECT count(*) FROM sessions),
           (SELECT nullif(datconnlimit, -1) FROM pg_catalog.pg_database WHERE datname = current_database())
               - (SELECT count(*) FROM sessions WHERE datname = current_database()),
           (SELECT nullif(rolconnlimit, -1) FROM pg_catalog.pg_roles WHERE rolname = session_user)
               - (SELECT count(*) FROM sessions WHERE usename = session_user)
       ) + 1 AS free
