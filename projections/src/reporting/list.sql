-- across tenants: for the operator.
SELECT login::text, tenant_id, granted_at FROM reporting.analysts ORDER BY login
