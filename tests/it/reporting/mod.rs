//! What analysts get: one tenant, no one's name, documented, and in files that other programs read.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod access;
mod files;

use daybook_replay_tools::{View, dictionary};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::{
    http::{Salon, TestApp, minutes},
    replay::source,
};

/// A salon whose read models hold one appointment kept, one missed, one called off, one of two to come
/// moved once; the tenant's id; and a connection with all rights.
pub(crate) struct Filled {
    pub(crate) app: TestApp,
    pub(crate) salon: Salon,
    pub(crate) tenant: Uuid,
    pub(crate) owner: PgConnection,
}

impl Filled {
    pub(crate) async fn new() -> Self {
        let app = TestApp::new().await;
        let mut owner = PgConnection::connect_with(&app.database.options).await.unwrap();
        let tenant = sqlx::query_scalar("SELECT tenant_id FROM log.tenant_head");
        let tenant: Uuid = tenant.fetch_one(&mut owner).await.unwrap();
        let salon = app.salon(minutes(60)).await;
        let kept = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
        let missed = salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
        let off = salon.booked(&app, "2026-12-02T14:00:00+01:00").await;
        let moved = salon.booked(&app, "2026-12-07T10:00:00+01:00").await;
        salon.booked(&app, "2026-12-08T10:00:00+01:00").await;
        let to = json!({ "new_starts_at": "2026-12-07T11:00:00+01:00" });
        app.patch(&format!("/api/v2/bookings/{moved}/reschedule"), to).await.expect(200);
        // Four hours before: too late under the terms.
        app.at("2026-12-02T09:00:00Z");
        app.post(&format!("/api/v2/bookings/{off}/cancel"), json!({})).await.expect(200);
        app.at("2026-12-02T15:00:00Z");
        app.post(&format!("/api/v2/bookings/{kept}/start"), json!({})).await.expect(200);
        app.post(&format!("/api/v2/bookings/{kept}/complete"), json!({})).await.expect(200);
        app.post(&format!("/api/v2/bookings/{missed}/no-show"), json!({})).await.expect(200);
        app.app.runner.settle().await.unwrap();
        Self { app, salon, tenant, owner }
    }
}

#[tokio::test]
async fn every_view_and_every_column_of_it_is_explained() {
    let app = TestApp::new().await;
    let mut session = source(&app.database).analyst(None).await.unwrap();
    assert_eq!(session.tenant, None);
    let entries = dictionary(&mut session.connection).await.unwrap();
    session.close().await;
    let views: Vec<_> = entries.iter().map(|entry| entry.view.as_str()).collect();
    assert_eq!(views, View::ALL.map(View::name));
    for entry in &entries {
        assert!(entry.meaning.is_some(), "reporting.{} has no comment", entry.view);
        for column in &entry.columns {
            assert!(column.comment.is_some(), "{}.{} has no comment", entry.view, column.name);
        }
    }
}

#[tokio::test]
async fn the_example_queries_answer_what_they_ask() {
    let filled = Filled::new().await;
    let mut session = source(&filled.app.database).analyst(Some(filled.tenant)).await.unwrap();
    let mut answers = Vec::new();
    for query in [
        include_str!("../../../replay-tools/queries/utilisation.sql"),
        include_str!("../../../replay-tools/queries/no_show_rate.sql"),
        include_str!("../../../replay-tools/queries/lead_time.sql"),
        include_str!("../../../replay-tools/queries/revenue_by_service.sql"),
    ] {
        let query = query.trim_end().trim_end_matches(';');
        let query = format!("SELECT to_jsonb(q) FROM ({query}) AS q");
        let rows = sqlx::query(&query).fetch_all(&mut session.connection).await.unwrap();
        answers.push(rows.iter().map(|row| row.get(0)).collect::<Vec<serde_json::Value>>());
    }
    session.close().await;
    let day = |date: &str, booked_min: i64| {
        json!({ "local_date": date, "branch": "Mitte", "staff": "Anna", "booked_min": booked_min,
                "staff_min": booked_min, "appointments": booked_min / 60 })
    };
    let [utilisation, no_shows, lead_time, revenue] = answers.try_into().unwrap();
    assert_eq!(utilisation, [day("2026-12-02", 120), day("2026-12-07", 60), day("2026-12-08", 60)]);
    assert_eq!(
        no_shows,
        [json!({ "month": "2026-12-01", "missed": 1, "due": 2, "no_show_permille": 500 })]
    );
    assert_eq!(
        (&lead_time[0]["source"], &lead_time[0]["appointments"]),
        (&json!("api"), &json!(5))
    );
    assert_eq!(
        revenue,
        [json!({ "month": "2026-12-01", "service": "Cut", "currency": "EUR", "appointments": 1,
                 "revenue_minor": 4500 })]
    );
}

#[tokio::test]
async fn the_views_say_what_the_reports_say() {
    let mut filled = Filled::new().await;
    let tenant = filled.tenant.to_string();
    let set = "SELECT set_config('app.tenant_id', $1, false)";
    sqlx::query(set).bind(&tenant).execute(&mut filled.owner).await.unwrap();
    for (query, wanted) in [
        (
            "SELECT to_jsonb(q) FROM (SELECT modifications, reschedules, cancellations, violations
               FROM reporting.modifications WHERE cancellations = 1) AS q",
            json!({ "modifications": 1, "reschedules": 0, "cancellations": 1, "violations": 1 }),
        ),
        (
            "SELECT to_jsonb(q) FROM (SELECT booked, completed, cancelled, missed, spent_minor, stage,
               is_erased, registered_at IS NOT NULL AS is_registered FROM reporting.customers) AS q",
            json!({ "booked": 5, "completed": 1, "cancelled": 1, "missed": 1, "spent_minor": 4500,
                    "stage": "customer", "is_erased": false, "is_registered": true }),
        ),
        (
            "SELECT to_jsonb(q) FROM (SELECT kind, modification, currency, violations -> 0 ->> 'rule' AS rule
               FROM reporting.policy_violations) AS q",
            json!({ "kind": "cancellation", "modification": 1, "currency": "EUR", "rule": "short_notice" }),
        ),
        (
            "SELECT to_jsonb(q) FROM (SELECT name, active_min, list_price_minor, currency, is_active,
               cardinality(staff_ids) AS staff FROM reporting.services) AS q",
            json!({ "name": "Cut", "active_min": 60, "list_price_minor": 4500, "currency": "EUR",
                    "is_active": true, "staff": 2 }),
        ),
        (
            "SELECT to_jsonb(q) FROM (SELECT name, zone FROM reporting.branches) AS q",
            json!({ "name": "Mitte", "zone": "Europe/Berlin" }),
        ),
        (
            "SELECT to_jsonb(q) FROM (SELECT starts_local, local_date, duration_min, lead_time_min
               = floor(extract(epoch FROM starts_at - booked_at) / 60)::bigint AS leads,
               price_minor, status FROM reporting.appointments WHERE status = 'no_show') AS q",
            json!({ "starts_local": "2026-12-02T12:00:00", "local_date": "2026-12-02",
                    "duration_min": 60, "leads": true, "price_minor": 4500, "status": "no_show" }),
        ),
        (
            "SELECT to_jsonb(count(*) = count(DISTINCT name) AND count(*) = 2) FROM reporting.staff",
            json!(true),
        ),
        (
            "SELECT to_jsonb(min(position) = (SELECT position FROM log.tenant_head)
               AND min(position) = (SELECT max(position) FROM reporting.activity))
               FROM reporting.freshness",
            json!(true),
        ),
    ] {
        let found: serde_json::Value =
            sqlx::query_scalar(query).fetch_one(&mut filled.owner).await.unwrap();
        assert_eq!(found, wanted, "{query}");
    }
}

#[tokio::test]
async fn no_view_says_who_a_customer_is() {
    let mut filled = Filled::new().await;
    let tenant = filled.tenant.to_string();
    let set = "SELECT set_config('app.tenant_id', $1, false)";
    sqlx::query(set).bind(&tenant).execute(&mut filled.owner).await.unwrap();
    let known = "SELECT name FROM read.customers WHERE customer_id = $1::uuid AND phone LIKE '%15112345678'";
    let customer = &filled.salon.customer;
    let name: String =
        sqlx::query_scalar(known).bind(customer).fetch_one(&mut filled.owner).await.unwrap();
    for view in View::ALL {
        let query = format!("SELECT string_agg(v::text, ' ') FROM reporting.{view} AS v");
        let text: String = sqlx::query_scalar(&query).fetch_one(&mut filled.owner).await.unwrap();
        assert!(!text.contains(&name) && !text.contains("15112345678"), "{view}: {text}");
        assert!(view != View::Customers || text.contains(customer), "{text}");
    }
    let refused = "SET ROLE daybook_reporting; SELECT name FROM read.customers";
    assert!(sqlx::raw_sql(refused).execute(&mut filled.owner).await.is_err());
}
