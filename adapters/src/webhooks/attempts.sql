-- No row when there is no such delivery, a row of nothing when it was never attempted.
SELECT a.number,
       a.at,
       a.status,
       a.latency_ms,
       a.error
  FROM ops.webhook_deliveries AS d
  LEFT JOIN ops.webhook_attempts AS a USING (tenant_id, endpoint_id, position)
 WHERE d.tenant_id = $1
   AND d.endpoint_id = $2
   AND d.event_id = $3
 ORDER BY a.number
