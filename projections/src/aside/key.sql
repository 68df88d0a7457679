SELECT a.attname::text
  FROM pg_catalog.pg_index AS i
 CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k (attnum, no)
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
 WHERE i.indrelid = $1::regclass AND i.indisprimary AND a.attname <> 'tenant_id'
 ORDER BY k.no
