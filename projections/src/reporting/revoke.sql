-- across tenants: a login is bound to one at most.
SELECT reporting.revoke_analyst($1::text::name)
