-- across tenants: what was settled long ago, some at a time
DELETE FROM ops.webhook_deliveries AS d
 USING (
    SELECT s.tenant_id,
           s.endpoint_id,
           s.position
      FROM ops.webhook_endpoints AS e
     CROSS JOIN LATERAL (
        SELECT it.tenant_id,
               it.endpoint_id,
               it.position
          FROM ops.webhook_deliveries AS it
         WHERE it.tenant_id = e.tenant_id
           AND it.endpoint_id = e.endpoint_id
           AND it.state <> 'pending'
           AND it.created_at < $1
         LIMIT 100
     ) AS s
 ) AS old
 WHERE d.tenant_id = old.tenant_id
   AND d.endpoint_id = old.endpoint_id
   AND d.position = old.position
   AND d.state <> 'pending'
