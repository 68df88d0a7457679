SELECT request_hash,
       endpoint,
       secret
  FROM ops.webhook_answers
 WHERE tenant_id = $1
   AND key = $2
