//! The job that forgets whose grace is over.

use daybook_adapters::{
    erasure::{Turn, Worker},
    postgres::PoolRole,
};
use daybook_domain::{
    commands::{CustomerIndexes, EraseCustomer},
    customer::ErasureReason,
    dispatch::CommandContext,
    ids::{CustomerId, TenantId},
};
use daybook_projections::runner::LeasedRanges;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{DAY, NEXT_YEAR, customer, leaving, of, tools};
use crate::http::{Salon, TestApp, minutes};

async fn turn(app: &TestApp) -> Turn {
    app.app.runner.settle().await.unwrap();
    app.app.eraser.turn().await.unwrap()
}

/// Whether the customer's key is there, and whether it ever was.
async fn key(app: &TestApp, salon: &Salon) -> (bool, bool) {
    let owner = PgPool::connect_with(app.database.options.clone()).await.unwrap();
    let key: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("SELECT wrapped_key FROM vault.subject_keys WHERE subject_id = $1")
            .bind(salon.customer.parse::<Uuid>().unwrap())
            .fetch_optional(&owner)
            .await
            .unwrap();
    (key.as_ref().is_some_and(Option::is_some), key.is_some())
}

#[tokio::test]
async fn nobody_is_forgotten_before_the_grace_is_over_and_everybody_after_it() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let booked = salon.booked(&app, NEXT_YEAR).await;
    leaving(&app, &salon).await;
    app.later(30 * DAY - 1);
    assert_eq!(turn(&app).await, Turn::default());
    assert_eq!(customer(&app, &salon).await["name"], "Max");
    app.later(1);
    assert_eq!(turn(&app).await.erased, 1);
    let shown = customer(&app, &salon).await;
    assert_eq!((&shown["is_erased"], &shown["name"]), (&json!(true), &Value::Null));
    assert_eq!(key(&app, &salon).await, (false, true));
    assert_eq!(turn(&app).await.erased, 0, "once is enough");
    let body = app.get(&format!("/api/v2/bookings/{booked}/history")).await.expect(200);
    let last = body["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["type"], &last["actor"]),
        (&json!("appointment.cancelled"), &json!("system:erasure"))
    );
    // The number is free for somebody new.
    let body = json!({ "company_id": salon.company, "name": "Mia", "phone": "0151 12345678" });
    app.made("customers", body).await;
}

#[tokio::test]
async fn appointments_of_the_forgotten_are_called_off_without_a_fee() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let policies = json!({ "cancellation": { "min_hours_notice": 2000, "violation_action": "block",
        "fee": { "percent": 50 }, "max_free_per_month": 0 } });
    let path = format!("/api/v2/companies/{}/policies", salon.company);
    app.put(&path, policies).await.expect(200);
    let booked = salon.booked(&app, NEXT_YEAR).await;
    let own = app.post(&format!("/api/v2/bookings/{booked}/cancel"), json!({})).await;
    assert_eq!(own.status.as_u16(), 422, "the terms forbid it to the customer");
    leaving(&app, &salon).await;
    app.later(30 * DAY);
    assert_eq!(turn(&app).await.erased, 1);
    let body = app.get(&format!("/api/v2/bookings/{booked}/history")).await.expect(200);
    let cancelled = &body["items"].as_array().unwrap().last().unwrap()["data"];
    assert_eq!(cancelled["outcome"]["fee"]["amount_minor"], 0);
    assert_eq!(cancelled["outcome"]["policy_violation"], false);
    app.app.runner.settle().await.unwrap();
    let journey = app.get(&format!("{}/journey", of(&salon))).await.expect(200);
    assert_eq!(journey["cancellation_count"], 0, "it is not the customer who cancelled");
    // The place is free for somebody else.
    let body = json!({ "company_id": salon.company, "name": "Mia", "phone": "0151 7654321" });
    let mut booking = salon.booking(NEXT_YEAR);
    booking["customer_id"] = json!(app.made("customers", body).await);
    app.post("/api/v2/bookings", booking).await.expect(201);
}

#[tokio::test]
async fn who_takes_the_wish_back_in_time_stays() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    leaving(&app, &salon).await;
    app.app.runner.settle().await.unwrap();
    app.later(30 * DAY);
    // The read model does not know of it yet: the log decides.
    app.delete(&format!("{}/erasure", of(&salon)), json!({})).await.expect(200);
    app.app.eraser.turn().await.unwrap();
    assert_eq!(customer(&app, &salon).await["name"], "Max");
    assert_eq!(key(&app, &salon).await, (true, true));
}

#[tokio::test]
async fn what_broke_off_between_the_event_and_the_key_is_finished_by_the_next_turn() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let context = CommandContext {
        tenant: TenantId::new(tools::tenant(&app).await),
        ids: app.app.ids.clone(),
        ..daybook_domain::testing::context(app.app.clock.now())
    };
    let id = salon.customer.parse().unwrap();
    let (reason, indexes) = (ErasureReason::Requested, CustomerIndexes::default());
    let event = EraseCustomer { id, indexes, reason, only_if_due: false, expected: None };
    app.app.dispatcher.run(&context, &event).await.unwrap();
    assert_eq!(key(&app, &salon).await, (true, true), "the process has died behind the event");
    assert_eq!(turn(&app).await.finished, 1);
    assert_eq!(key(&app, &salon).await, (false, true));
}

#[tokio::test]
async fn a_key_that_an_old_backup_has_brought_back_is_destroyed_when_the_program_starts() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let owner = PgPool::connect_with(app.database.options.clone()).await.unwrap();
    let saved = "CREATE TABLE public.saved AS SELECT * FROM vault.subject_keys";
    sqlx::query(saved).execute(&owner).await.unwrap();
    app.post(&format!("{}/erase", of(&salon)), json!({})).await.expect(200);
    let restored = "UPDATE vault.subject_keys AS k SET wrapped_key = s.wrapped_key,
        destroyed_at = NULL FROM public.saved AS s WHERE s.subject_id = k.subject_id";
    sqlx::query(restored).execute(&owner).await.unwrap();
    assert_eq!(key(&app, &salon).await, (true, true));
    app.app.runner.settle().await.unwrap();
    let worker = Worker::start(app.app.eraser.clone(), LeasedRanges::all());
    // Whoever stops it waits for the turn under way: the first one begins at once.
    while key(&app, &salon).await.0 {
        tokio::task::yield_now().await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn two_jobs_at_once_forget_everybody_once() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut people = vec![salon.customer.clone()];
    for number in 0..20 {
        let phone = format!("0151 700000{number:02}");
        let body = json!({ "company_id": salon.company, "name": "Mia", "phone": phone });
        people.push(app.made("customers", body).await);
    }
    for id in &people {
        let path = format!("/api/v2/customers/{id}/erasure");
        app.post(&path, json!({ "grace_days": 0 })).await.expect(200);
    }
    app.app.runner.settle().await.unwrap();
    let (one, other) = tokio::join!(app.app.eraser.turn(), app.app.eraser.turn());
    assert_eq!((one.unwrap().failed, other.unwrap().failed), (0, 0));
    let owner = PgPool::connect_with(app.database.options.clone()).await.unwrap();
    let erased: Vec<String> = sqlx::query_scalar(
        "SELECT aggregate_id FROM log.events WHERE event_type = 'customer.erased' ORDER BY 1",
    )
    .fetch_all(&owner)
    .await
    .unwrap();
    people.sort();
    assert_eq!(erased, people);
}

#[tokio::test]
async fn what_a_rebuild_keeps_of_the_forgotten_is_cleared() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    app.app.runner.settle().await.unwrap();
    let projector = app.database.pool(PoolRole::Projector).await;
    let copy = "INSERT INTO read_before.customers SELECT * FROM read.customers";
    sqlx::query(copy).execute(&projector).await.unwrap();
    let copy = "INSERT INTO read_next.customers SELECT * FROM read.customers";
    sqlx::query(copy).execute(&projector).await.unwrap();
    app.post(&format!("{}/erase", of(&salon)), json!({})).await.expect(200);
    let left: Vec<String> = sqlx::query_scalar(
        "SELECT c::text FROM read_before.customers AS c UNION ALL SELECT c::text FROM read_next.customers AS c",
    )
    .fetch_all(&projector)
    .await
    .unwrap();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|row| !row.contains("Max") && !row.contains("12345678")), "{left:?}");
    let id: CustomerId = salon.customer.parse().unwrap();
    assert!(left.iter().all(|row| row.contains(&id.to_string())));
}
