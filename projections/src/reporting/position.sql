SELECT min(position) FROM reporting.freshness WHERE tenant_id = $1
