//! What was answered then is answered again.

use std::pin::pin;

use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, PgConnection};

use super::{TestApp, minutes};

/// What the API says at a moment: the free places of a morning and the bookings.
async fn said(app: &TestApp, service: &str, branch: &str, as_of: Option<&Value>) -> [Value; 3] {
    let mut search = json!({ "service_id": service, "branch_id": branch,
        "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let mut explain = json!({ "service_id": service, "branch_id": branch,
        "starts_at": "2026-12-02T10:00:00+01:00" });
    let mut list = "/api/v2/bookings?limit=100".to_owned();
    if let Some(as_of) = as_of {
        search["as_of"] = as_of.clone();
        explain["as_of"] = as_of.clone();
        list = format!("{list}&as_of={as_of}");
    } else {
        search["min_position"] = position(app).await;
        explain["min_position"] = position(app).await;
    }
    [
        app.post("/api/v2/availability/search", search).await.expect(200),
        app.post("/api/v2/availability/explain", explain).await.expect(200),
        app.get(&list).await.expect(200),
    ]
}

async fn position(app: &TestApp) -> Value {
    let log = app.app.dispatcher.log();
    let heads = daybook_domain::ports::EventLog::heads(log, None, 10).await.unwrap();
    json!(heads.iter().map(|head| head.position.0).max().unwrap())
}

#[tokio::test]
async fn an_answer_as_of_a_position_is_the_answer_that_was_given_there_even_after_an_erasure() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut given = Vec::new();
    for hour in ["10", "11", "12"] {
        salon.booked(&app, &format!("2026-12-02T{hour}:00:00+01:00")).await;
        app.app.runner.settle().await.unwrap();
        let now = said(&app, &salon.service, &salon.branch, None).await;
        given.push((position(&app).await, now));
    }
    let first = given[0].1[2]["items"][0]["appointment_id"].as_str().unwrap().to_owned();
    app.post(&format!("/api/v2/bookings/{first}/cancel"), json!({})).await.expect(200);
    let erase = format!("/api/v2/customers/{}/erase", salon.customer);
    app.post(&erase, json!({})).await.expect(200);
    app.app.runner.settle().await.unwrap();
    let now = said(&app, &salon.service, &salon.branch, None).await;
    assert_ne!(now, given[2].1);
    for (position, answers) in &given {
        let again = said(&app, &salon.service, &salon.branch, Some(position)).await;
        assert_eq!(&again, answers, "as of {position}");
    }
    assert_eq!(said(&app, &salon.service, &salon.branch, None).await, now);
}

#[tokio::test]
async fn a_moment_that_is_not_there_yet_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let explain = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "date": "2026-12-02", "as_of": "2027-01-01T00:00:00Z" });
    let ahead = app.post("/api/v2/availability/explain", explain).await.expect(400);
    assert_eq!(ahead["errors"][0]["field"], "as_of");
    for path in ["/api/v2/bookings?as_of=100000", "/api/v2/bookings?as_of=2027-01-01T00:00:00Z"] {
        let answer = app.get(path).await;
        assert!([400, 409].contains(&answer.status.as_u16()), "{path} {}", answer.body);
    }
    let nonsense = app.get("/api/v2/bookings?as_of=yesterday").await.expect(400);
    assert_eq!(nonsense["errors"][0]["parameter"], "as_of");
}

#[tokio::test]
async fn a_look_back_shows_nothing_of_another_tenant() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let other = app.tenant(&["admin"]).await;
    let list = app.send(&other, ("GET", "/api/v2/bookings?as_of=1"), &[], None).await.expect(200);
    assert_eq!(list["items"], json!([]));
}

/// How many sessions wait for the lock of the test.
async fn waiting(owner: &mut PgConnection) -> i64 {
    let waiting = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity \
          WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    waiting.fetch_one(owner).await.unwrap()
}

#[tokio::test]
async fn clients_that_hang_up_cannot_begin_more_folds_than_there_are_turns() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let path = format!("/api/v2/bookings?as_of={}", position(&app).await);
    // Every fold waits at its first step, whoever waits for it.
    let mut owner = app.database.options.connect().await.unwrap();
    let lock = "BEGIN; LOCK TABLE read.appointments IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut owner).await.unwrap();
    let mut observer = app.database.options.connect().await.unwrap();
    for begun in 1..=2 {
        let mut asked = pin!(app.get(&path));
        while waiting(&mut observer).await < begun {
            // It goes on while the observer asks.
            assert!(futures::poll!(asked.as_mut()).is_pending());
        }
        // The client hangs up.
    }
    let refused = app.get(&path).await;
    assert_eq!(refused.status.as_u16(), 504, "{:#}", refused.body);
    assert_eq!(waiting(&mut observer).await, 2);
    // The turns come back when the folds have ended, which nobody waits for.
    sqlx::raw_sql("ROLLBACK").execute(&mut owner).await.unwrap();
    app.get(&path).await.expect(200);
}
