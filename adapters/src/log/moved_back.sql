-- across tenants: which of the histories do not hold what is known of them. One look-up by key each.
SELECT known.no
  FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) WITH ORDINALITY AS known (tenant_id, position, hash, no)
 WHERE (SELECT ev.hash
          FROM log.events AS ev
         WHERE ev.tenant_id = known.tenant_id AND ev.position = known.position) IS DISTINCT FROM known.hash
