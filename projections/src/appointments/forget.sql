UPDATE appointments AS a
   SET external_ref = NULL, call_id = NULL
 WHERE a.tenant_id = $1
   AND a.customer_id = ANY ($2)
   AND (a.external_ref IS NOT NULL OR a.call_id IS NOT NULL)
