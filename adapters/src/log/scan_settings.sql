-- What the next copy of the session is about: a tenant, a range of positions, aggregate types and event types.
SELECT set_config('daybook.scan_tenant_id', $1, false), set_config('daybook.scan_after', $2, false),
       set_config('daybook.scan_to', $3, false), set_config('daybook.scan_types', $4, false)
