COPY (
    SELECT position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version,
           payload, metadata, recorded_at, hash
      FROM log.events
     WHERE tenant_id = current_setting('daybook.scan_tenant_id')::uuid
       AND position > current_setting('daybook.scan_after')::bigint
       AND position <= current_setting('daybook.scan_to')::bigint
       AND ((SELECT current_setting('daybook.scan_types') = '')
            OR aggregate_type = ANY ((SELECT string_to_array(current_setting('daybook.scan_types'), ','))::text[])
            OR event_type = ANY ((SELECT string_to_array(current_setting('daybook.scan_types'), ','))::text[]))
     ORDER BY position
) TO STDOUT (FORMAT binary)
