//! Every query of the API reads what it returns, and little more: each is explained as the role that
//! sends it, with 100,000 appointments of three tenants.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use daybook_adapters::postgres::Scope;
use daybook_domain::{
    appointment::AppointmentStatus,
    calendar::CalendarId,
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, SeriesId, ServiceId, StaffId},
    slot::Slot,
};
use daybook_projections::{
    activity_log::{self, ActivityFilter},
    appointments::{self, AppointmentFilter, Cursor},
    availability_grid, customer_journey,
    customers::{self, CustomerFilter, CustomerSearch, Erasure},
    directory::{self, DirectoryFilter, DirectoryKind},
    modifications::{self, ViolationFilter},
};
use serde_json::Value;
use sqlx::Executor as _;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _, registry::LookupSpan};
use uuid::Uuid;

use super::*;

/// Rows that are made: tenant by tenant, most of them of the first.
const FILL: &str = include_str!("fill.sql");

/// Rows that may be read for each that is returned.
const MAX_DROPPED_PER_ROW: f64 = 10.0;

static PLANS: Mutex<Vec<Value>> = Mutex::new(Vec::new());

/// Keeps the plans that `auto_explain` sends.
struct Plans;

struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Plans {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        if let Some(at) = message.0.find("plan:")
            && let Ok(plan) = serde_json::from_str(&message.0[at + "plan:".len()..])
        {
            PLANS.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
        }
    }
}

/// What is wrong with a plan: it reads a whole table, or drops most of what it reads.
fn problems(plan: &Value, found: &mut Vec<String>) {
    let number = |name: &str| plan[name].as_f64().unwrap_or(0.0);
    let node = plan["Node Type"].as_str().unwrap_or_default();
    let on = plan["Relation Name"].as_str().unwrap_or_default();
    if node == "Seq Scan" {
        found.push(format!("Seq Scan on {on}"));
    }
    let loops = number("Actual Loops");
    let dropped =
        (number("Rows Removed by Filter") + number("Rows Removed by Join Filter")) * loops;
    let rows = number("Actual Rows") * loops;
    if MAX_DROPPED_PER_ROW * rows.max(1.0) < dropped {
        let filter = plan["Filter"].as_str().unwrap_or_default();
        found.push(format!("{node} on {on} drops {dropped} for {rows}: {filter}"));
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        problems(part, found);
    }
}

/// Checks the plans of what was sent since the last time.
fn check(what: &str, failures: &mut Vec<String>) {
    let plans = std::mem::take(&mut *PLANS.lock().unwrap_or_else(PoisonError::into_inner));
    if plans.is_empty() {
        failures.push(format!("{what}: was not explained"));
    }
    for plan in plans {
        let mut found = Vec::new();
        problems(&plan["Plan"], &mut found);
        failures.extend(found.into_iter().map(|problem| format!("{what}: {problem}")));
    }
}

fn id(kind: u32, number: u32) -> Uuid {
    format!("{kind:08x}-0000-4000-8000-{number:012x}").parse().unwrap()
}

fn at(days: i64) -> DateTime<Utc> {
    "2026-01-01T08:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(days)
}

fn searches() -> Vec<(&'static str, CustomerSearch)> {
    let of = |narrow: fn(&mut CustomerSearch)| {
        let mut search = CustomerSearch::default();
        narrow(&mut search);
        search
    };
    vec![
        ("q=n", of(|it| it.any("n"))),
        ("q=name 17", of(|it| it.any("name 17"))),
        ("q=person 1234", of(|it| it.any("person 1234"))),
        ("q=0151 0001234", of(|it| it.any("0151 0001234"))),
        ("q=1234", of(|it| it.any("1234"))),
        ("name=näme1234", of(|it| it.name("näme1234"))),
        ("phone=0001234", of(|it| it.phone("0001234").unwrap())),
        ("email", of(|it| it.email("p1234@example.com"))),
        ("nobody", of(|it| it.any("xyzzy"))),
    ]
}

fn bookings() -> Vec<(String, AppointmentFilter)> {
    let none = AppointmentFilter::default;
    let staff = Some(StaffId::new(id(4, 3)));
    let branch = Some(BranchId::new(id(3, 2)));
    let company = Some(CompanyId::new(id(2, 1)));
    let mut all = vec![
        ("all".to_owned(), none()),
        ("staff".to_owned(), AppointmentFilter { staff_id: staff, ..none() }),
        ("branch".to_owned(), AppointmentFilter { branch_id: branch, ..none() }),
        ("company".to_owned(), AppointmentFilter { company_id: company, ..none() }),
        (
            "service".to_owned(),
            AppointmentFilter { service_id: Some(ServiceId::new(id(5, 4))), ..none() },
        ),
        (
            "customer".to_owned(),
            AppointmentFilter { customer_id: Some(CustomerId::new(id(6, 5))), ..none() },
        ),
        (
            "series".to_owned(),
            AppointmentFilter { series_id: Some(SeriesId::new(id(7, 30))), ..none() },
        ),
        (
            "external_ref".to_owned(),
            AppointmentFilter { external_ref: Some("ref-1230".to_owned()), ..none() },
        ),
        (
            "nobody's staff".to_owned(),
            AppointmentFilter { staff_id: Some(StaffId::new(id(4, 9999))), ..none() },
        ),
    ];
    for status in AppointmentStatus::ALL {
        for (what, filter) in [
            ("", none()),
            ("branch, ", AppointmentFilter { branch_id: branch, ..none() }),
            ("company, ", AppointmentFilter { company_id: company, ..none() }),
        ] {
            let filter = AppointmentFilter { statuses: vec![status], ..filter };
            all.push((format!("{what}{status:?}"), filter));
        }
    }
    let dated = all.clone().into_iter().filter(|(_, filter)| filter.customer_id.is_none());
    let dated = dated.filter(|(_, filter)| filter.series_id.is_none());
    let dated = dated.filter(|(_, filter)| filter.external_ref.is_none());
    let dated: Vec<_> = dated
        .map(|(what, filter)| {
            let filter = AppointmentFilter { from: Some(at(200)), to: Some(at(260)), ..filter };
            (format!("{what}, 60 days"), filter)
        })
        .collect();
    all.extend(dated);
    all
}

#[tokio::test]
async fn every_query_reads_by_index_what_it_returns_and_little_more() {
    let bench = Bench::new().await;
    let owner = PgPool::connect_with(bench.database.options.clone()).await.unwrap();
    sqlx::raw_sql(FILL).execute(&owner).await.unwrap();
    let tenant = TenantId::new(id(1, 1));
    let pool = bench.database.pool(PoolRole::App).await;
    let mut scope = Scope::acquire(&pool, tenant).await.unwrap();
    let explain = "RESET ROLE; LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; \
        SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off; \
        SET auto_explain.log_format = json; SET auto_explain.log_level = notice; \
        SET client_min_messages = notice; SET ROLE daybook_app";
    scope.execute(explain).await.unwrap();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Plans));
    let mut failures = Vec::new();
    let failed = &mut failures;
    for (what, filter) in bookings() {
        for limit in [25, 100] {
            let page = appointments::list(&mut scope, tenant, &filter, None, limit).await.unwrap();
            check(&format!("bookings {what} {limit}"), failed);
            let Some(last) = page.last() else { continue };
            let after = Some(Cursor { ..last.cursor() });
            appointments::list(&mut scope, tenant, &filter, after, limit).await.unwrap();
            check(&format!("bookings {what} {limit}, next"), failed);
        }
    }
    appointments::one(&mut scope, tenant, AppointmentId::new(id(8, 77))).await.unwrap();
    check("a booking", failed);
    for company_id in [None, Some(CompanyId::new(id(2, 1)))] {
        for (what, search) in searches() {
            let erasure = Some(Erasure::None);
            let filter =
                CustomerFilter { company_id, search, erasure, ..CustomerFilter::default() };
            customers::list(&mut scope, tenant, &filter, None, 20).await.unwrap();
            check(&format!("customers {what}"), failed);
        }
        for erasure in [None, Some(Erasure::None), Some(Erasure::Pending), Some(Erasure::Done)] {
            let filter = CustomerFilter { company_id, erasure, ..CustomerFilter::default() };
            let after = Some(CustomerId::new(id(6, 5000)));
            customers::list(&mut scope, tenant, &filter, after, 100).await.unwrap();
            check(&format!("customers {erasure:?}"), failed);
        }
    }
    let filter =
        CustomerFilter { external_ref: Some("crm-77".to_owned()), ..CustomerFilter::default() };
    customers::list(&mut scope, tenant, &filter, None, 100).await.unwrap();
    check("customers by reference", failed);
    others(&mut scope, tenant, failed).await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The queries beside those of bookings and customers.
async fn others(scope: &mut Scope, tenant: TenantId, failures: &mut Vec<String>) {
    let calendar = CalendarId::Staff(StaffId::new(id(4, 3)));
    let window = Slot::new(at(200), at(201)).unwrap();
    availability_grid::claims(scope, tenant, calendar, window, at(0)).await.unwrap();
    check("claims", failures);
    let day = |days| NaiveDate::from_ymd_opt(2026, 6, 1).unwrap() + TimeDelta::days(days);
    availability_grid::days(scope, tenant, calendar, day(0), day(7)).await.unwrap();
    check("calendar days", failures);
    customer_journey::one(scope, tenant, CustomerId::new(id(6, 5))).await.unwrap();
    check("journey", failures);
    for filter in [
        DirectoryFilter::default(),
        DirectoryFilter {
            company_id: Some(CompanyId::new(id(2, 1))),
            ..DirectoryFilter::default()
        },
    ] {
        directory::list(scope, tenant, DirectoryKind::Staff, &filter, None, 100).await.unwrap();
        check("directory", failures);
    }
    for filter in [
        ActivityFilter::default(),
        ActivityFilter { actor: Some("key:1".to_owned()), ..ActivityFilter::default() },
    ] {
        activity_log::list(scope, tenant, &filter, None, 100).await.unwrap();
        check("activity", failures);
    }
    let customer = Some(CustomerId::new(id(6, 5)));
    for filter in [
        ViolationFilter::default(),
        ViolationFilter { customer_id: customer, ..ViolationFilter::default() },
    ] {
        modifications::violations(scope, tenant, &filter, None, 100).await.unwrap();
        check("violations", failures);
    }
    modifications::totals(scope, tenant, (None, customer), 1, None, 100).await.unwrap();
    check("totals", failures);
    modifications::stats(scope, tenant, AppointmentId::new(id(8, 77))).await.unwrap();
    check("stats", failures);
}
