-- across tenants: one sender serves them all
SELECT e.tenant_id,
       e.endpoint_id,
       e.position,
       e.event_types
  FROM ops.webhook_endpoints AS e
  JOIN log.tenant_head AS h USING (tenant_id)
 WHERE e.is_enabled
   AND e.position < h.position
 ORDER BY e.tenant_id,
          e.endpoint_id
