-- across tenants: the few of whom somebody waits to be erased or was erased.
SELECT DISTINCT c.tenant_id
  FROM read.customers AS c
 WHERE (c.erasure_due_at IS NOT NULL OR c.is_erased)
   AND get_byte(uuid_send(c.tenant_id), 15) % 64 = ANY ($1)
