-- The views for analysts. Each names the tenant; the row-level security of what lies under it is the
-- second fence. Numbers are bigint throughout, so that every format and tool takes them the same.
CREATE VIEW reporting.appointments WITH (security_barrier) AS
SELECT a.tenant_id, a.appointment_id, a.company_id, a.branch_id, a.customer_id, a.staff_id, a.staff_ids,
       a.service_ids, a.status, a.booking_type, a.is_composite, a.starts_at, a.ends_at, a.zone,
       a.starts_local, a.ends_local, a.starts_local::date AS local_date,
       floor(extract(epoch FROM a.ends_at - a.starts_at) / 60)::bigint AS duration_min,
       floor(extract(epoch FROM a.starts_at - a.booked_at) / 60)::bigint AS lead_time_min,
       a.price_minor, a.currency, a.source, a.series_id, a.series_number::bigint AS series_number,
       a.modifications::bigint AS modifications, a.reschedules::bigint AS reschedules,
       a.policy_violations::bigint AS policy_violations, a.booked_at, a.updated_at, a.position
  FROM read.appointments AS a
 WHERE a.tenant_id = (SELECT reporting.tenant());

CREATE VIEW reporting.phases WITH (security_barrier) AS
SELECT a.tenant_id, a.appointment_id, p.no AS phase_number, (p.it ->> 'phase_id')::uuid AS phase_id,
       p.it ->> 'key' AS phase_key, a.company_id, a.branch_id, (p.it ->> 'service_id')::uuid AS service_id,
       (p.it ->> 'staff_id')::uuid AS staff_id, a.customer_id, a.status, t.starts_at, t.ends_at, a.zone,
       a.phases_local[p.no] AS starts_local, a.phases_local[p.no]::date AS local_date,
       floor(extract(epoch FROM t.ends_at - t.starts_at) / 60)::bigint AS active_min,
       floor(extract(epoch FROM (p.it #>> '{staff_busy,to}')::timestamptz
                              - (p.it #>> '{staff_busy,from}')::timestamptz) / 60)::bigint AS staff_min,
       floor(extract(epoch FROM (p.it #>> '{client_busy,to}')::timestamptz
                              - (p.it #>> '{client_busy,from}')::timestamptz) / 60)::bigint AS customer_min,
       (p.it #>> '{resource,resource_id}')::uuid AS resource_id,
       (p.it #>> '{resource,units}')::bigint AS resource_units,
       CASE WHEN p.no = 1 THEN a.price_minor ELSE 0 END AS price_minor, a.currency
  FROM read.appointments AS a
 CROSS JOIN LATERAL jsonb_array_elements(a.phases) WITH ORDINALITY AS p (it, no)
 CROSS JOIN LATERAL (SELECT (p.it #>> '{active,from}')::timestamptz AS starts_at,
                            (p.it #>> '{active,to}')::timestamptz AS ends_at) AS t
 WHERE a.tenant_id = (SELECT reporting.tenant());

CREATE VIEW reporting.utilisation_daily WITH (security_barrier) AS
SELECT p.tenant_id, p.company_id, p.branch_id, p.staff_id, p.service_id, p.local_date, p.currency,
       count(DISTINCT p.appointment_id) FILTER (WHERE p.status NOT IN ('cancelled', 'rejected')) AS appointments,
       count(DISTINCT p.appointment_id) FILTER (WHERE p.status = 'completed') AS completed,
       count(DISTINCT p.appointment_id) FILTER (WHERE p.status = 'no_show') AS no_shows,
       count(DISTINCT p.appointment_id) FILTER (WHERE p.status = 'cancelled') AS cancelled,
       coalesce(sum(p.active_min) FILTER (WHERE p.status NOT IN ('cancelled', 'rejected')), 0)::bigint AS booked_min,
       coalesce(sum(p.staff_min) FILTER (WHERE p.status NOT IN ('cancelled', 'rejected')), 0)::bigint AS staff_min,
       coalesce(sum(p.price_minor) FILTER (WHERE p.status = 'completed'), 0)::bigint AS revenue_minor
  FROM reporting.phases AS p
 WHERE p.tenant_id = (SELECT reporting.tenant())
 GROUP BY p.tenant_id, p.company_id, p.branch_id, p.staff_id, p.service_id, p.local_date, p.currency;

CREATE VIEW reporting.customers WITH (security_barrier) AS
SELECT j.tenant_id, j.customer_id, j.company_id, c.registered_at, c.preferred_branch_id,
       j.history #>> '{-1,stage}' AS stage, (j.history #>> '{-1,at}')::timestamptz AS stage_since,
       j.booked::bigint AS booked, j.completed::bigint AS completed, j.cancelled::bigint AS cancelled,
       j.missed::bigint AS missed, j.calls::bigint AS calls, j.spent_minor, j.last_activity_at, j.is_erased,
       j.position
  FROM read.customer_journey AS j
  LEFT JOIN read.customers AS c ON c.tenant_id = j.tenant_id AND c.customer_id = j.customer_id
 WHERE j.tenant_id = (SELECT reporting.tenant());

CREATE VIEW reporting.modifications WITH (security_barrier) AS
SELECT m.tenant_id, m.appointment_id, m.company_id, m.branch_id, m.customer_id,
       m.modification_count::bigint AS modifications, m.reschedule_count::bigint AS reschedules,
       m.cancellation_count::bigint AS cancellations, m.violation_count::bigint AS violations,
       m.last_modification_at, m.position
  FROM read.modification_stats AS m
 WHERE m.tenant_id = (SELECT reporting.tenant());

CREATE VIEW reporting.policy_violations WITH (security_barrier) AS
SELECT v.tenant_id, v.appointment_id, v.modification::bigint AS modification, v.company_id, v.branch_id,
       v.customer_id, v.kind, v.outcome ->> 'policy_check' AS policy_check, v.outcome -> 'violations' AS violations,
       (v.outcome #>> '{fee,amount_minor}')::bigint AS fee_minor, v.outcome #>> '{fee,currency}' AS currency,
       (v.outcome ->> 'refund_eligible')::boolean AS is_refund_eligible, v.violated_at, v.position
  FROM read.policy_violations AS v
 WHERE v.tenant_id = (SELECT reporting.tenant());

CREATE VIEW reporting.staff WITH (security_barrier) AS
SELECT d.tenant_id, d.id AS staff_id, d.company_id, d.name, d.branch_ids, d.is_active, d.updated_at, d.position
  FROM read.directory AS d
 WHERE d.tenant_id = (SELECT reporting.tenant()) AND d.kind = 'staff';

CREATE VIEW reporting.services WITH (security_barrier) AS
SELECT d.tenant_id, d.id AS service_id, d.company_id, d.name, d.staff_ids,
       (SELECT sum((t.it ->> 'active_min')::bigint)
          FROM jsonb_array_elements(d.state #> '{profile,phases}') AS t (it))::bigint AS active_min,
       (d.state #>> '{profile,price,amount_minor}')::bigint AS list_price_minor,
       d.state #>> '{profile,price,currency}' AS currency, d.is_active, d.updated_at, d.position
  FROM read.directory AS d
 WHERE d.tenant_id = (SELECT reporting.tenant()) AND d.kind = 'service';

CREATE VIEW reporting.branches WITH (security_barrier) AS
SELECT d.tenant_id, d.id AS branch_id, d.company_id, d.name, d.state #>> '{profile,zone}' AS zone, d.is_active,
       d.updated_at, d.position
  FROM read.directory AS d
 WHERE d.tenant_id = (SELECT reporting.tenant()) AND d.kind = 'branch';

CREATE VIEW reporting.activity WITH (security_barrier) AS
SELECT l.tenant_id, l.position, l.event_id, l.event_type, l.aggregate_type, l.aggregate_id, l.revision, l.actor,
       l.source, l.at, l.recorded_at
  FROM read.activity_log AS l
 WHERE l.tenant_id = (SELECT reporting.tenant());

CREATE VIEW reporting.freshness WITH (security_barrier) AS
SELECT DISTINCT ON (c.projector) c.tenant_id, c.projector, c.position, c.parked_streams::bigint AS parked_streams,
       c.updated_at
  FROM ops.checkpoints AS c
 WHERE c.tenant_id = (SELECT reporting.tenant())
 ORDER BY c.projector, c.version DESC;

DO $$
DECLARE
    v_view regclass;
BEGIN
    FOR v_view IN SELECT c.oid FROM pg_catalog.pg_class AS c
                   WHERE c.relnamespace = 'reporting'::regnamespace AND c.relkind = 'v' LOOP
        EXECUTE format('ALTER VIEW %s OWNER TO daybook_reporting', v_view);
        EXECUTE format('GRANT SELECT ON %s TO daybook_analyst, daybook_app', v_view);
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA reporting FROM daybook_reporting;
