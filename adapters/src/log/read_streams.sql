-- The newer events of each stream; a stream without any answers one row with its revision alone.
SELECT s.no AS stream_no,
       CASE WHEN ev.position IS NULL THEN coalesce((
           SELECT last.sequence FROM log.events AS last
            WHERE last.tenant_id = $1 AND last.aggregate_type = s.type AND last.aggregate_id = s.id
            ORDER BY last.sequence DESC LIMIT 1), 0) END AS stream_sequence,
       ev.position, ev.sequence, ev.event_id, ev.event_type, ev.event_version,
       ev.payload, ev.metadata, ev.recorded_at, ev.hash
  FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS s (type, id, after, no)
  LEFT JOIN log.events AS ev
    ON ev.tenant_id = $1 AND ev.aggregate_type = s.type AND ev.aggregate_id = s.id AND ev.sequence > s.after
 ORDER BY s.no, ev.sequence
