UPDATE ops.parked AS p
   SET events_behind = p.events_behind + b.events
  FROM (SELECT s.type, s.id, count(*) AS events
          FROM unnest($4::text[], $5::text[]) AS s (type, id)
         GROUP BY s.type, s.id) AS b
 WHERE p.tenant_id = $1 AND p.projector = $2 AND p.version = $3
   AND p.aggregate_type = b.type AND p.aggregate_id = b.id
