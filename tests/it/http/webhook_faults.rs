//! Webhooks when the receiver fails, the sender dies or the address is not to be reached.

use daybook_adapters::webhooks::{Wanted, signature::Scheme};
use daybook_domain::{event_log::Position, ids::TenantId};
use serde_json::{Value, json};

use super::{
    Salon, TestApp, minutes,
    webhook_receiver::{
        Fault::{Busy, Redirect, Silence, Status},
        Receiver,
    },
};

const TEN: &str = "2026-12-02T10:00:00+01:00";
/// Seconds before each attempt, and before the last one.
const WAITS: [i64; 9] = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000];
const LAST_WAIT: i64 = 86_400;

/// A booking that an endpoint is to be told of.
async fn story(app: TestApp) -> (TestApp, Salon, Receiver, String) {
    let salon = app.salon(minutes(60)).await;
    let receiver = Receiver::new().await;
    let wanted = json!({ "event_types": ["appointment.booked"] });
    let (endpoint, _) = receiver.endpoint(&app, wanted).await;
    salon.booked(&app, TEN).await;
    (app, salon, receiver, endpoint)
}

async fn attempted(app: &TestApp) -> usize {
    app.app.webhooks.turn().await.unwrap().attempted
}

async fn delivery(app: &TestApp, endpoint: &str) -> Value {
    app.get(&format!("{endpoint}/deliveries")).await.expect(200)["items"][0].clone()
}

async fn log(app: &TestApp, endpoint: &str) -> Vec<(Value, Value)> {
    let message = delivery(app, endpoint).await["message_id"].clone();
    let path = format!("{endpoint}/deliveries/{}/attempts", message.as_str().unwrap());
    let log = app.get(&path).await.expect(200);
    let items = log["items"].as_array().unwrap().iter();
    items.map(|it| (it["status"].clone(), it["error"].clone())).collect()
}

#[tokio::test]
async fn a_message_that_failed_is_sent_again_under_the_same_id() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Status(500), Status(404)]);
    assert_eq!(attempted(&app).await, 1);
    app.later(4);
    assert_eq!(attempted(&app).await, 0);
    app.later(1);
    assert_eq!(attempted(&app).await, 1);
    app.later(300);
    assert_eq!(attempted(&app).await, 1);
    let journal = receiver.journal();
    assert_eq!(journal.len(), 3);
    assert!(journal.iter().all(|it| it.id == journal[0].id && it.body() == journal[0].body()));
    assert!(journal[0].timestamp < journal[1].timestamp, "each attempt has a time of its own");
    assert_eq!(delivery(&app, &endpoint).await["state"], "delivered");
    let expected =
        [(json!(500), json!("refused")), (json!(404), json!("refused")), (json!(204), Value::Null)];
    assert_eq!(log(&app, &endpoint).await, expected);
}

#[tokio::test]
async fn a_redirection_is_a_failure_and_is_not_followed() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Redirect]);
    attempted(&app).await;
    let paths: Vec<_> = receiver.journal().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/hook"]);
    assert_eq!(log(&app, &endpoint).await, [(json!(302), json!("redirected"))]);
    assert_eq!(delivery(&app, &endpoint).await["state"], "pending");
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_is_left_in_peace() {
    let (app, salon, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Busy { status: 429, retry_after: "120" }]);
    assert_eq!(attempted(&app).await, 1);
    salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
    app.later(119);
    assert_eq!(attempted(&app).await, 0, "nor is it told of anything else");
    assert!(app.get(&endpoint).await.expect(200)["paused_until"].is_string());
    app.later(1);
    assert_eq!(attempted(&app).await, 2);
    assert_eq!(receiver.journal().len(), 3);
}

#[tokio::test]
async fn what_one_message_was_asked_to_wait_for_is_not_cut_short_by_another() {
    let (app, salon, receiver, endpoint) = story(TestApp::new().await).await;
    salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
    let busy = |retry_after| Busy { status: 429, retry_after };
    receiver.fails([busy("3600"), busy("10")]);
    assert_eq!(attempted(&app).await, 2);
    app.later(3599);
    assert_eq!(attempted(&app).await, 0);
    let until = app.get(&endpoint).await.expect(200)["paused_until"].clone();
    assert_eq!(until, "2026-12-01T08:00:00Z");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_until_it_is_enabled_again() {
    let (app, salon, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Status(410)]);
    assert_eq!(attempted(&app).await, 1);
    let shown = app.get(&endpoint).await.expect(200);
    assert_eq!((&shown["is_enabled"], &shown["disabled_reason"]), (&json!(false), &json!("gone")));
    salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
    app.later(86_400);
    assert_eq!(attempted(&app).await, 0);
    let shown = app.post(&format!("{endpoint}/enable"), json!({})).await.expect(200);
    assert_eq!((&shown["is_enabled"], &shown["disabled_reason"]), (&json!(true), &Value::Null));
    assert_eq!(attempted(&app).await, 1, "what happened meanwhile is told");
}

#[tokio::test]
async fn a_receiver_that_fails_ten_times_is_disabled_with_a_reason() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Status(500); 10]);
    for seconds in WAITS.into_iter().chain([LAST_WAIT]) {
        assert_eq!(app.get(&endpoint).await.expect(200)["is_enabled"], true);
        app.later(seconds);
        assert_eq!(attempted(&app).await, 1, "after {seconds} s");
    }
    let shown = app.get(&endpoint).await.expect(200);
    let expected = (&json!(false), &json!("exhausted"));
    assert_eq!((&shown["is_enabled"], &shown["disabled_reason"]), expected);
    let failed = delivery(&app, &endpoint).await;
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(10)));
    assert_eq!(failed["next_attempt_at"], Value::Null);
    app.post(&format!("{endpoint}/enable"), json!({})).await.expect(200);
    let id = failed["message_id"].as_str().unwrap();
    app.post(&format!("{endpoint}/deliveries/{id}/redeliver"), json!({})).await.expect(200);
    assert_eq!(attempted(&app).await, 1);
    assert_eq!(delivery(&app, &endpoint).await["state"], "delivered");
}

#[tokio::test]
async fn nothing_is_lost_when_the_sender_dies_before_it_sends() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    app.app.webhooks.hand_out().await.unwrap();
    let taken = app.app.webhooks.take(10, &[]).await.unwrap();
    assert_eq!(taken.len(), 1);
    drop(taken);
    assert_eq!(attempted(&app).await, 0, "somebody has it");
    app.later(60);
    assert_eq!(attempted(&app).await, 1);
    assert_eq!(receiver.journal().len(), 1);
    assert_eq!(delivery(&app, &endpoint).await["state"], "delivered");
}

#[tokio::test]
async fn nothing_is_lost_when_the_sender_dies_while_it_sends() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Silence]);
    let dead = tokio::select! {
        _turn = attempted(&app) => false,
        () = receiver.came() => true,
    };
    assert!(dead);
    app.later(60);
    assert_eq!(attempted(&app).await, 1);
    let journal = receiver.journal();
    assert_eq!(journal.len(), 2, "at least once");
    assert_eq!(journal[0].id, journal[1].id);
    assert_eq!(delivery(&app, &endpoint).await["state"], "delivered");
}

#[tokio::test]
async fn an_outcome_that_comes_late_does_not_undo_a_redelivery() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    app.app.webhooks.hand_out().await.unwrap();
    let late = app.app.webhooks.take(10, &[]).await.unwrap().pop().unwrap();
    let again = format!("{endpoint}/deliveries/{}/redeliver", late.message_id());
    app.post(&again, json!({})).await.expect(200);
    app.app.webhooks.attempt(late).await.unwrap();
    assert_eq!(delivery(&app, &endpoint).await["state"], "pending");
    assert_eq!(attempted(&app).await, 1);
    assert_eq!(receiver.journal().len(), 2);
    assert_eq!(delivery(&app, &endpoint).await["attempts"], 2);
}

#[tokio::test]
async fn a_last_attempt_that_comes_late_does_not_disable_what_was_redelivered() {
    let (app, _, receiver, endpoint) = story(TestApp::new().await).await;
    receiver.fails([Status(500); 10]);
    for seconds in WAITS {
        app.later(seconds);
        assert_eq!(attempted(&app).await, 1, "after {seconds} s");
    }
    app.later(LAST_WAIT);
    let late = app.app.webhooks.take(10, &[]).await.unwrap().pop().unwrap();
    let again = format!("{endpoint}/deliveries/{}/redeliver", late.message_id());
    app.post(&again, json!({})).await.expect(200);
    app.app.webhooks.attempt(late).await.unwrap();
    assert_eq!(delivery(&app, &endpoint).await["attempts"], 10);
    assert_eq!(app.get(&endpoint).await.expect(200)["is_enabled"], true);
    assert_eq!(attempted(&app).await, 1);
    assert_eq!(delivery(&app, &endpoint).await["state"], "delivered");
}

#[tokio::test]
async fn one_receiver_that_fails_does_not_keep_another_waiting() {
    let (app, salon, receiver, _) = story(TestApp::new().await).await;
    let other = Receiver::new().await;
    other.endpoint(&app, json!({ "event_types": ["appointment.booked"] })).await;
    receiver.fails([Status(500); 3]);
    for hour in 11..=13 {
        salon.booked(&app, &format!("2026-12-02T{hour}:00:00+01:00")).await;
    }
    assert_eq!(attempted(&app).await, 7);
    assert_eq!((receiver.journal().len(), other.journal().len()), (4, 3));
}

#[tokio::test]
async fn an_address_that_only_this_machine_reaches_is_refused() {
    let app = TestApp::guarded().await;
    for url in [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://localhost:8080/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
    ] {
        let answer = app.post("/api/v2/webhook-endpoints", json!({ "url": url })).await;
        assert_eq!(answer.status.as_u16(), 400, "{url}");
        assert_eq!(answer.body["errors"][0]["pointer"], "/url", "{url}");
    }
}

#[tokio::test]
async fn an_address_that_turns_out_to_be_private_is_not_sent_to() {
    let app = TestApp::guarded().await;
    let receiver = Receiver::new().await;
    let salon = app.salon(minutes(60)).await;
    let key = app.key.clone();
    let holder = app.app.keys.holder(&key.into(), app.app.clock.now()).await.unwrap().unwrap();
    let (tenant, id): (TenantId, _) = (holder.tenant, app.app.ids.next_id());
    // As one that was made when they were allowed, or whose name leads elsewhere since.
    let url = receiver.url.replace("http://", "https://");
    let wanted = Wanted {
        url,
        description: None,
        event_types: vec!["appointment.booked".to_owned()],
        include_personal: false,
    };
    let now = app.app.clock.now();
    let from = (Position(0), now);
    app.app.endpoints.create(tenant, id, (&wanted, Scheme::V1), from, None).await.unwrap().unwrap();
    salon.booked(&app, TEN).await;
    assert_eq!(attempted(&app).await, 1);
    assert!(receiver.journal().is_empty());
    let endpoint = format!("/api/v2/webhook-endpoints/{id}");
    assert_eq!(log(&app, &endpoint).await, [(Value::Null, json!("address_refused"))]);
}
