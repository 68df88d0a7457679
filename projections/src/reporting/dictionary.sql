-- across tenants: the catalogue is about views, not rows.
SELECT c.relname::text AS view, obj_description(c.oid, 'pg_class') AS meaning,
       a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       col_description(c.oid, a.attnum) AS comment
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname = 'reporting' AND c.relkind = 'v'
 ORDER BY c.relname, a.attnum
