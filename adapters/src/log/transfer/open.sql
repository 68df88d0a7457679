INSERT INTO log.tenant_head (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING
