-- The unique key forbids a sequence twice: a stream is torn when its highest one is not its count.
SELECT aggregate_type || '/' || aggregate_id
  FROM log.events
 WHERE tenant_id = $1
 GROUP BY aggregate_type, aggregate_id
HAVING max(sequence) <> count(*)
 LIMIT 1
