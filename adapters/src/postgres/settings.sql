-- across tenants: what a session is told of itself
SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS settings (name, value)
