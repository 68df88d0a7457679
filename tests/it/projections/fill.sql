-- 100,000 appointments and 20,000 customers: eight tenths of them of the first of three tenants.
CREATE FUNCTION pg_temp.id(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(kind), 8, '0') || '-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid
$$;

INSERT INTO read.appointments (
    tenant_id, appointment_id, position, version, status, company_id, branch_id, zone, customer_id,
    staff_id, staff_ids, service_ids, booking_type, is_composite, starts_at, ends_at, phases,
    price_minor, currency, source, external_ref, series_id, series_number, modifications, reschedules,
    policy_violations, booked_at, updated_at)
SELECT pg_temp.id(1, CASE n % 10 WHEN 0 THEN 2 WHEN 5 THEN 3 ELSE 1 END), pg_temp.id(8, n), n, 1,
       CASE WHEN n % 1000 < 5 THEN 'pending' WHEN n % 1000 < 6 THEN 'in_progress' WHEN n % 1000 < 11 THEN 'rejected'
            WHEN n % 1000 < 31 THEN 'no_show' WHEN n % 1000 < 81 THEN 'cancelled' WHEN n > 85000 THEN 'confirmed'
            ELSE 'completed' END,
       pg_temp.id(2, n / 7 % 6 / 3), pg_temp.id(3, n / 7 % 6), 'Europe/Berlin', pg_temp.id(6, n / 3 % 20000),
       pg_temp.id(4, n / 11 % 30), ARRAY[pg_temp.id(4, n / 11 % 30)], ARRAY[pg_temp.id(5, n / 13 % 20)], 'simple', false,
       t.at, t.at + interval '45 minutes', '[]', 4500, 'EUR', 'api',
       CASE WHEN n % 10 = 1 THEN 'ref-' || (n - 1) END, CASE WHEN n % 4 = 1 THEN pg_temp.id(7, n / 200) END,
       CASE WHEN n % 4 = 1 THEN 1 END, 0, 0, 0, t.at - interval '7 days', t.at - interval '7 days'
  FROM generate_series(1, 100000) AS n
 CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01 08:00Z' + n * interval '5 minutes' AS at) AS t;

INSERT INTO read.customers (
    tenant_id, customer_id, position, version, company_id, name, phone, email, words, external_ref, consents,
    erasure_requested_at, erasure_due_at, is_erased, registered_at, updated_at)
SELECT pg_temp.id(1, CASE n % 10 WHEN 0 THEN 2 WHEN 5 THEN 3 ELSE 1 END), pg_temp.id(6, n), n, 1, pg_temp.id(2, n / 7 % 2),
       CASE WHEN e.is_there THEN 'Name' || n || ' Person' || n % 100 END,
       CASE WHEN e.is_there THEN '+4915100' || lpad(n::text, 5, '0') END,
       CASE WHEN e.is_there THEN 'p' || n || '@example.com' END,
       CASE WHEN e.is_there THEN ARRAY['name' || n || ' person' || n % 100, 'person' || n % 100 || ' name' || n, '@p' || n || '@example.com']
            ELSE '{}' END,
       CASE WHEN e.is_there AND n % 7 = 0 THEN 'crm-' || n END, '{}',
       CASE WHEN n % 500 = 1 THEN t.at END, CASE WHEN n % 500 = 1 THEN t.at + interval '30 days' END, NOT e.is_there, t.at, t.at
  FROM generate_series(1, 20000) AS n
 CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01 08:00Z' + n * interval '5 minutes' AS at) AS t
 CROSS JOIN LATERAL (SELECT n % 200 <> 3 AS is_there) AS e;

INSERT INTO read.customer_journey (
    tenant_id, customer_id, position, company_id, booked, completed, cancelled, missed, calls, spent_minor,
    open_prices, last_activity_at, history, is_erased)
SELECT c.tenant_id, c.customer_id, c.position, c.company_id, 1, 0, 0, 0, 0, 0, '{}', c.updated_at, '[]', false
  FROM read.customers AS c;

INSERT INTO read.directory (
    tenant_id, kind, id, position, version, name, company_id, branch_ids, staff_ids, is_active, state, updated_at)
SELECT pg_temp.id(1, n % 3 + 1), CASE n % 2 WHEN 0 THEN 'staff' ELSE 'service' END, pg_temp.id(4, n), n, 1, 'Name' || n,
       pg_temp.id(2, n / 7 % 40), '{}', '{}', true, '{}', now()
  FROM generate_series(1, 5000) AS n;

INSERT INTO read.activity_log (
    tenant_id, position, event_id, event_type, aggregate_type, aggregate_id, revision, actor, at, recorded_at,
    correlation_id)
SELECT pg_temp.id(1, n % 3 + 1), n, pg_temp.id(9, n), 'appointment.booked', 'appointment', pg_temp.id(8, n)::text, 1,
       'key:' || n % 50, now(), now(), 'x'
  FROM generate_series(1, 50000) AS n;

INSERT INTO read.modification_stats (
    tenant_id, appointment_id, position, customer_id, company_id, branch_id, modification_count,
    cancellation_count, reschedule_count, violation_count, last_modification_at)
SELECT a.tenant_id, a.appointment_id, a.position, a.customer_id, a.company_id, a.branch_id, 1, 1, 0, 1, a.updated_at
  FROM read.appointments AS a
 WHERE a.position % 5 = 0;

INSERT INTO read.policy_violations (
    tenant_id, appointment_id, modification, position, customer_id, company_id, branch_id, kind, outcome, violated_at)
SELECT a.tenant_id, a.appointment_id, 1, a.position, a.customer_id, a.company_id, a.branch_id, 'cancellation',
       '{}', a.updated_at
  FROM read.appointments AS a
 WHERE a.position % 5 = 0;

INSERT INTO read.claims (
    tenant_id, calendar, date, claim_id, position, slot_from, slot_to, units, capacity, kind, is_live)
SELECT a.tenant_id, 'staff:' || a.staff_id, a.starts_at::date, a.appointment_id, a.position, a.starts_at, a.ends_at,
       1, 2, 'booked', true
  FROM read.appointments AS a
 WHERE a.position % 5 = 1;

ANALYZE;
