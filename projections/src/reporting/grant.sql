-- The second is the tenant_id.
SELECT reporting.grant_analyst($1::text::name, $2)
