-- How an operator lets a login see the views of one tenant, and takes that back. Both run with the
-- rights of whoever calls them: the owner of the table, who may also grant `daybook_analyst`.
CREATE FUNCTION reporting.grant_analyst(p_login name, p_tenant uuid) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    v_login pg_catalog.pg_roles%ROWTYPE;
    v_role  name;
BEGIN
    SELECT * INTO v_login FROM pg_catalog.pg_roles AS r WHERE r.rolname = p_login;
    IF NOT FOUND OR NOT v_login.rolcanlogin THEN
        RAISE EXCEPTION 'there is no login %', p_login USING ERRCODE = 'undefined_object',
            HINT = format('Make it first: CREATE ROLE %I LOGIN PASSWORD …', p_login);
    END IF;
    IF v_login.rolsuper OR v_login.rolbypassrls OR v_login.rolcreaterole THEN
        RAISE EXCEPTION 'the login % can pass every wall: it cannot be bound', p_login
            USING ERRCODE = 'invalid_role_specification';
    END IF;
    SELECT r.rolname INTO v_role FROM pg_catalog.pg_roles AS r
     WHERE r.rolname LIKE 'daybook\_%' AND r.rolname NOT IN ('daybook_analyst', p_login)
       AND pg_catalog.pg_has_role(p_login, r.oid, 'MEMBER')
     ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the login % is a member of %: an analyst must not be', p_login, v_role
            USING ERRCODE = 'invalid_role_specification';
    END IF;
    IF EXISTS (SELECT FROM reporting.analysts AS a WHERE a.login = p_login AND a.tenant_id <> p_tenant) THEN
        RAISE EXCEPTION 'the login % is bound to another tenant', p_login USING ERRCODE = 'unique_violation',
            HINT = 'Revoke it first.';
    END IF;
    INSERT INTO reporting.analysts (login, tenant_id) VALUES (p_login, p_tenant) ON CONFLICT (login) DO NOTHING;
    EXECUTE format('GRANT daybook_analyst TO %I', p_login);
END $$;

COMMENT ON FUNCTION reporting.grant_analyst IS 'Binds a login to one tenant and lets it read the views.';

CREATE FUNCTION reporting.revoke_analyst(p_login name) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    DELETE FROM reporting.analysts AS a WHERE a.login = p_login;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Someone may have dropped the login meanwhile.
    IF EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = p_login) THEN
        EXECUTE format('REVOKE daybook_analyst FROM %I', p_login);
    END IF;
    RETURN true;
END $$;

COMMENT ON FUNCTION reporting.revoke_analyst IS 'Takes back what grant_analyst gave; false: there was nothing.';

REVOKE ALL ON FUNCTION reporting.grant_analyst(name, uuid), reporting.revoke_analyst(name) FROM PUBLIC;
