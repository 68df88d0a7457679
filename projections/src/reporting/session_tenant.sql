-- The one tenant_id that this session sees, whatever it asked for.
SELECT reporting.tenant()
