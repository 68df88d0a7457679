-- across tenants: one sender serves those of the ranges that it was given. The few endpoints come first: the
-- heads of tenants without any are not looked at.
SELECT e.tenant_id,
       e.endpoint_id,
       e.position,
       e.event_types
  FROM ops.webhook_endpoints AS e
 CROSS JOIN LATERAL (
           SELECT it.position
             FROM log.tenant_head AS it
            WHERE it.tenant_id = e.tenant_id
           OFFSET 0) AS h
 WHERE e.is_enabled
   AND e.position < h.position
   AND get_byte(uuid_send(e.tenant_id), 15) % 64 = ANY ($1)
 ORDER BY e.tenant_id,
          e.endpoint_id
