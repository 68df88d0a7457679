-- The bytes of an event that the chain covers (as UTF-8): README.md of this folder.
CREATE FUNCTION log.canonical(
    tenant_id uuid, "position" bigint, aggregate_type text, aggregate_id text, sequence bigint,
    event_id uuid, event_type text, event_version text, payload text, metadata text, recorded_at_micros bigint
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT '36:' || tenant_id::text
        || ',' || length("position"::text)::text || ':' || "position"::text
        || ',' || octet_length(aggregate_type)::text || ':' || aggregate_type
        || ',' || octet_length(aggregate_id)::text || ':' || aggregate_id
        || ',' || length(sequence::text)::text || ':' || sequence::text
        || ',36:' || event_id::text
        || ',' || octet_length(event_type)::text || ':' || event_type
        || ',' || octet_length(event_version)::text || ':' || event_version
        || ',' || octet_length(payload)::text || ':' || payload
        || ',' || octet_length(metadata)::text || ':' || metadata
        || ',' || length(recorded_at_micros::text)::text || ':' || recorded_at_micros::text || ','
$$;
