-- across tenants: a batch holds the appends of several
SELECT asked.append_no, max(ev.position) AS position
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::uuid[])
           AS asked (append_no, tenant_id, aggregate_type, aggregate_id, after, event_id)
  JOIN log.events AS ev
    ON ev.tenant_id = asked.tenant_id
   AND ev.aggregate_type = asked.aggregate_type
   AND ev.aggregate_id = asked.aggregate_id
   AND ev.sequence > asked.after
   AND ev.event_id = asked.event_id
 GROUP BY asked.append_no
