-- across tenants: the catalog alone. Keys and walls of a table: what its rows promise, without the indexes that only make reading fast.
SELECT pg_catalog.pg_get_constraintdef(oid)
  FROM pg_catalog.pg_constraint
 WHERE conrelid = $1::regclass AND contype IN ('p', 'u', 'x')
