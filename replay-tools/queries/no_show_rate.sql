-- Which share of the appointments that came to their time was missed, by month? In per mille, of those
-- that were kept or missed; the ones called off before do not count. The views hold one tenant_id only.
SELECT date_trunc('month', a.local_date)::date AS month,
       count(*) FILTER (WHERE a.status = 'no_show') AS missed,
       count(*) AS due,
       round(1000.0 * count(*) FILTER (WHERE a.status = 'no_show') / count(*))::bigint AS no_show_permille
  FROM reporting.appointments AS a
 WHERE a.status IN ('completed', 'no_show')
 GROUP BY 1
 ORDER BY 1;
