INSERT INTO customer_journey AS t (
    tenant_id, customer_id, position, company_id, booked, completed, cancelled, missed, calls,
    spent_minor, open_prices, last_activity_at, history, is_erased)
SELECT
    $1, r.customer_id, r.position, r.company_id, r.booked, r.completed, r.cancelled, r.missed,
    r.calls, r.spent_minor, r.open_prices, r.last_activity_at, r.history, r.is_erased
  FROM unnest(
           $2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[],
           $8::bigint[], $9::bigint[], $10::bigint[], $11::jsonb[], $12::timestamptz[],
           $13::jsonb[], $14::boolean[])
       AS r (
           customer_id, position, company_id, booked, completed, cancelled, missed, calls,
           spent_minor, open_prices, last_activity_at, history, is_erased)
    ON CONFLICT (tenant_id, customer_id) DO UPDATE SET
    position = excluded.position, booked = excluded.booked, completed = excluded.completed,
    cancelled = excluded.cancelled, missed = excluded.missed, calls = excluded.calls,
    spent_minor = excluded.spent_minor, open_prices = excluded.open_prices,
    last_activity_at = excluded.last_activity_at, history = excluded.history,
    is_erased = excluded.is_erased
 WHERE t.position < excluded.position
