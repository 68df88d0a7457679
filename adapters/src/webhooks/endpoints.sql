SELECT endpoint_id AS id,
       url,
       description,
       event_types,
       include_personal,
       signature,
       public_key,
       is_enabled,
       disabled_reason,
       position,
       paused_until,
       previous_until,
       created_at,
       updated_at
  FROM ops.webhook_endpoints
 WHERE tenant_id = $1
   AND ($2::uuid IS NULL OR endpoint_id > $2)
 ORDER BY endpoint_id
 LIMIT $3
