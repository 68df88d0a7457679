-- What is shown of a webhook endpoint, in one place: whatever makes, changes or reads one answers this.
-- Its secrets are not among it.
CREATE FUNCTION ops.shown(p_endpoint ops.webhook_endpoints) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT jsonb_build_object(
        'id', p_endpoint.endpoint_id,
        'url', p_endpoint.url,
        'description', p_endpoint.description,
        'event_types', p_endpoint.event_types,
        'include_personal', p_endpoint.include_personal,
        'signature', p_endpoint.signature,
        'public_key', p_endpoint.public_key,
        'is_enabled', p_endpoint.is_enabled,
        'disabled_reason', p_endpoint.disabled_reason,
        'position', p_endpoint.position,
        'paused_until', p_endpoint.paused_until,
        'previous_until', p_endpoint.previous_until,
        'created_at', p_endpoint.created_at,
        'updated_at', p_endpoint.updated_at)
$$;

COMMENT ON FUNCTION ops.shown IS 'What the API shows of a webhook endpoint.';
