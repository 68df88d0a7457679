SELECT EXISTS (SELECT FROM log.tenant_head WHERE tenant_id = $1)
