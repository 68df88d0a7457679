-- What did kept appointments bring, by month and service, in the smallest unit of the currency? The price
-- of an appointment counts for the service of its first phase, so that the sum over all is right.
SELECT date_trunc('month', p.local_date)::date AS month, s.name AS service, p.currency,
       count(DISTINCT p.appointment_id) AS appointments, sum(p.price_minor)::bigint AS revenue_minor
  FROM reporting.phases AS p
  LEFT JOIN reporting.services AS s USING (tenant_id, service_id)
 WHERE p.status = 'completed'
 GROUP BY 1, p.service_id, s.name, p.currency
 ORDER BY 1, revenue_minor DESC, s.name;
