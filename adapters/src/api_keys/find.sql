-- across tenants: a key names its tenant
SELECT ops.find_api_key($1)
