-- Asks for a tenant_id; a login that is bound to another one sees that one all the same. The role of an
-- analyst suffices; a login that may only be the program's takes that.
SELECT set_config('role', CASE WHEN pg_has_role(session_user, 'daybook_analyst', 'MEMBER')
                               THEN 'daybook_analyst' ELSE 'daybook_app' END, false),
       set_config('app.tenant_id', $1, false)
