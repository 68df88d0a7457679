//! Webhooks: what happens is told to those who asked for it, signed, without personal data.

use daybook_adapters::webhooks::Worker;
use daybook_projections::runner::LeasedRanges;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::{Answer, Salon, TestApp, minutes, webhook_receiver::Receiver};

const TEN: &str = "2026-12-02T10:00:00+01:00";

async fn story() -> (TestApp, Salon, Receiver) {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    (app, salon, Receiver::new().await)
}

fn bookings() -> Value {
    json!({ "event_types": ["appointment.booked"] })
}

async fn only(app: &TestApp, endpoint: &str) -> Value {
    let page = app.get(&format!("{endpoint}/deliveries")).await.expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{page:#}");
    items[0].clone()
}

#[tokio::test]
async fn an_event_is_delivered_once_with_a_signature_that_verifies() {
    let (app, salon, receiver) = story().await;
    let (endpoint, secret) = receiver.endpoint(&app, bookings()).await;
    assert!(secret.starts_with("whsec_"));
    let appointment = salon.booked(&app, TEN).await;
    let (one, other) = tokio::join!(app.app.webhooks.turn(), app.app.webhooks.turn());
    assert_eq!(one.unwrap().attempted + other.unwrap().attempted, 1);
    let [message] = receiver.journal().try_into().unwrap();
    assert!(message.is_signed_with(&secret, &app));
    assert!(!message.is_signed_with("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", &app));
    let feed = format!("/api/v2/events?types=appointment.booked&aggregate_id={appointment}");
    let item = app.get(&feed).await.expect(200)["items"][0].clone();
    assert_eq!(message.body()["data"], item);
    assert_eq!(message.body()["type"], "appointment.booked");
    assert_eq!(message.body()["timestamp"], item["at"]);
    let event_id = item["event_id"].as_str().unwrap().replace('-', "");
    assert_eq!(message.id, format!("msg_{event_id}"));
    let delivery = only(&app, &endpoint).await;
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("delivered"), &json!(1)));
    app.later(86_400);
    assert_eq!(app.app.webhooks.turn().await.unwrap().attempted, 0);
}

#[tokio::test]
async fn only_what_was_asked_for_is_sent() {
    let (app, salon, receiver) = story().await;
    let filter = json!({ "event_types": ["appointment.cancelled", "customer.*"] });
    let (endpoint, _) = receiver.endpoint(&app, filter).await;
    let (_, _) = receiver.endpoint(&app, json!({ "event_types": ["nothing.ever"] })).await;
    let appointment = salon.booked(&app, TEN).await;
    let cancel = format!("/api/v2/bookings/{appointment}/cancel");
    app.post(&cancel, json!({})).await.expect(200);
    let customer = json!({ "company_id": salon.company, "name": "Mia", "phone": "0151 7654321" });
    app.made("customers", customer).await;
    app.app.webhooks.turn().await.unwrap();
    let types: Vec<_> = receiver.journal().iter().map(|it| it.body()["type"].clone()).collect();
    assert!(types.contains(&json!("appointment.cancelled")), "{types:?}");
    assert!(types.contains(&json!("customer.registered")), "{types:?}");
    let strange = |it: &&Value| {
        let name = it.as_str().unwrap();
        name != "appointment.cancelled" && !name.starts_with("customer.")
    };
    assert_eq!(types.iter().find(strange), None);
    let head = app.get("/api/v2/events?limit=1000").await.expect(200)["next"].clone();
    assert_eq!(app.get(&endpoint).await.expect(200)["position"], head);
}

#[tokio::test]
async fn personal_data_is_withheld_unless_the_endpoint_may_have_it() {
    let (mut app, salon, receiver) = story().await;
    let customers = json!({ "event_types": ["customer.registered"], "after": 0 });
    receiver.endpoint(&app, customers.clone()).await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    let name = |body: &Value| body["data"]["data"]["contact"]["name"].clone();
    assert_eq!(name(&message.body()), json!({ "withheld_of": salon.customer }));
    assert!(!message.body().to_string().contains("15112345678"));
    let mut personal = customers;
    personal["include_personal"] = json!(true);
    receiver.endpoint(&app, personal.clone()).await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert_eq!(name(&message.body()), "Max");
    personal["url"] = json!(receiver.url);
    app.key = app.tenant(&["webhooks:write", "events:read"]).await;
    let refused = app.post("/api/v2/webhook-endpoints", personal.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "FORBIDDEN"));
    personal["include_personal"] = json!(false);
    app.post("/api/v2/webhook-endpoints", personal.clone()).await.expect(201);
    app.key = app.tenant(&["webhooks:write"]).await;
    app.post("/api/v2/webhook-endpoints", personal).await.expect(403);
}

#[tokio::test]
async fn who_was_forgotten_before_a_message_is_sent_is_not_in_it() {
    let (app, salon, receiver) = story().await;
    let fields =
        json!({ "event_types": ["customer.registered"], "after": 0, "include_personal": true });
    receiver.endpoint(&app, fields).await;
    app.app.webhooks.hand_out().await.unwrap();
    let erase = format!("/api/v2/customers/{}/erase", salon.customer);
    app.post(&erase, json!({})).await.expect(200);
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    let name = &message.body()["data"]["data"]["contact"]["name"];
    assert_eq!(name, &json!({ "erased_of": salon.customer }));
}

#[tokio::test]
async fn an_endpoint_resumes_from_any_position() {
    let (app, salon, receiver) = story().await;
    let (endpoint, _) = receiver.endpoint(&app, json!({})).await;
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    let position = |it: &Value| it["data"]["position"].as_u64().unwrap();
    let mut first: Vec<_> = receiver.journal().iter().map(|it| position(&it.body())).collect();
    first.sort_unstable();
    let (from, head) = (first[0] - 1, *first.last().unwrap());
    assert_eq!(first, (from + 1..=head).collect::<Vec<_>>(), "everything after it was made");
    let replay = format!("{endpoint}/replay");
    for after in [from, 0] {
        app.post(&replay, json!({ "after": after })).await.expect(200);
        app.app.webhooks.turn().await.unwrap();
        let mut again: Vec<_> = receiver.journal().iter().map(|it| position(&it.body())).collect();
        again.sort_unstable();
        assert_eq!(again, (after + 1..=head).collect::<Vec<_>>());
    }
    let beyond = app.post(&replay, json!({ "after": head + 1 })).await;
    assert_eq!((beyond.status.as_u16(), beyond.code()), (409, "POSITION_NOT_REACHED"));
}

#[tokio::test]
async fn resuming_behind_what_waits_skips_it() {
    let (app, salon, receiver) = story().await;
    let (endpoint, _) = receiver.endpoint(&app, bookings()).await;
    salon.booked(&app, TEN).await;
    app.app.webhooks.hand_out().await.unwrap();
    let head = app.get("/api/v2/events?limit=1000").await.expect(200)["next"].clone();
    app.post(&format!("{endpoint}/replay"), json!({ "after": head })).await.expect(200);
    assert_eq!(app.app.webhooks.turn().await.unwrap().attempted, 0);
    assert_eq!(only(&app, &endpoint).await["state"], "skipped");
}

#[tokio::test]
async fn a_secret_can_be_changed_while_both_are_good() {
    let (app, salon, receiver) = story().await;
    let (endpoint, old) = receiver.endpoint(&app, bookings()).await;
    let rotate = format!("{endpoint}/rotate-secret");
    let new = app.post(&rotate, json!({})).await.expect(200)["secret"].clone();
    let new = new.as_str().unwrap();
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert!(message.is_signed_with(&old, &app) && message.is_signed_with(new, &app));
    app.later(24 * 3600);
    salon.booked(&app, "2026-12-04T10:00:00+01:00").await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert!(!message.is_signed_with(&old, &app) && message.is_signed_with(new, &app));
    let shown = app.get(&endpoint).await.expect(200).to_string();
    assert!(!shown.contains("whsec_") && !shown.contains(new));
}

#[tokio::test]
async fn who_is_to_check_and_not_to_sign_gets_a_public_key_and_no_secret() {
    let (app, salon, receiver) = story().await;
    let wanted = json!({ "url": receiver.url, "event_types": ["appointment.booked"],
        "signature": "v1a" });
    let path = "/api/v2/webhook-endpoints";
    let made = once(&app, path, wanted.clone()).await.expect(201);
    assert_eq!((&made["signature"], &made["secret"]), (&json!("v1a"), &Value::Null));
    let old = made["public_key"].as_str().unwrap().to_owned();
    assert!(old.starts_with("whpk_") && old.len() == 49, "{old}");
    assert_eq!(once(&app, path, wanted).await.expect(201), made);
    let endpoint = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(app.get(&endpoint).await.expect(200)["public_key"], old.as_str());
    let rotated = app.post(&format!("{endpoint}/rotate-secret"), json!({})).await.expect(200);
    assert_eq!(rotated["secret"], Value::Null);
    let new = rotated["public_key"].as_str().unwrap();
    assert_ne!(new, old);
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert!(message.is_signed_with(&old, &app) && message.is_signed_with(new, &app));
    assert!(message.signatures.split(' ').all(|it| it.starts_with("v1a,")));
    app.later(24 * 3600);
    salon.booked(&app, "2026-12-04T10:00:00+01:00").await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert!(!message.is_signed_with(&old, &app) && message.is_signed_with(new, &app));
    let unknown = json!({ "url": receiver.url, "signature": "v2" });
    app.post(path, unknown).await.expect(400);
}

/// Sends a request with the key `once`.
async fn once(app: &TestApp, path: &str, body: Value) -> Answer {
    app.keyed("POST", path, &[("idempotency-key", "once")], body).await
}

#[tokio::test]
async fn an_endpoint_is_made_once_for_a_key_and_its_secret_is_shown_again() {
    let (app, _, receiver) = story().await;
    let wanted = json!({ "url": receiver.url, "event_types": ["appointment.*"] });
    let path = "/api/v2/webhook-endpoints";
    let (one, other) = tokio::join!(once(&app, path, wanted.clone()), once(&app, path, wanted));
    let is_repeated = |it: &Answer| it.headers.contains_key("idempotency-replayed");
    assert!(is_repeated(&one) != is_repeated(&other));
    let one = one.expect(201);
    assert_eq!(one, other.expect(201));
    assert_eq!(app.get(path).await.expect(200)["items"].as_array().unwrap().len(), 1);
    let reused = once(&app, path, json!({ "url": format!("{}/other", receiver.url) })).await;
    assert_eq!((reused.status.as_u16(), reused.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
    let endpoint = format!("{path}/{}", one["id"].as_str().unwrap());
    app.delete(&endpoint, json!({})).await.expect(200);
    let gone = json!({ "url": receiver.url, "event_types": ["appointment.*"] });
    assert_eq!(
        once(&app, path, gone).await.expect(201),
        one,
        "nor is it made after it was deleted"
    );
    app.get(&endpoint).await.expect(404);
}

#[tokio::test]
async fn a_secret_is_changed_once_for_a_key_so_that_the_one_in_use_goes_on_signing() {
    let (app, salon, receiver) = story().await;
    let (endpoint, in_use) = receiver.endpoint(&app, bookings()).await;
    let rotate = format!("{endpoint}/rotate-secret");
    let lost = once(&app, &rotate, json!({})).await.expect(200);
    assert_eq!(once(&app, &rotate, json!({})).await.expect(200), lost);
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert!(message.is_signed_with(&in_use, &app));
    assert!(message.is_signed_with(lost["secret"].as_str().unwrap(), &app));
}

#[tokio::test]
async fn a_message_is_sent_once_more_when_somebody_asks_for_it() {
    let (app, salon, receiver) = story().await;
    let (endpoint, secret) = receiver.endpoint(&app, bookings()).await;
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    let [first] = receiver.journal().try_into().unwrap();
    app.later(3600);
    let again = format!("{endpoint}/deliveries/{}/redeliver", first.id);
    assert_eq!(app.post(&again, json!({})).await.expect(200)["state"], "pending");
    app.app.webhooks.turn().await.unwrap();
    let [second] = receiver.journal().try_into().unwrap();
    assert_eq!((&second.id, second.body()), (&first.id, first.body()));
    assert_ne!(second.timestamp, first.timestamp);
    assert!(second.is_signed_with(&secret, &app));
    let log = app.get(&format!("{endpoint}/deliveries/{}/attempts", first.id)).await.expect(200);
    let numbers: Vec<_> = log["items"].as_array().unwrap().iter().map(|it| &it["number"]).collect();
    assert_eq!(numbers, [1, 2]);
    for unknown in ["msg_00000000000000000000000000000000", "msg_x", "x"] {
        let path = format!("{endpoint}/deliveries/{unknown}/redeliver");
        app.post(&path, json!({})).await.expect(404);
        app.get(&format!("{endpoint}/deliveries/{unknown}/attempts")).await.expect(404);
    }
}

#[tokio::test]
async fn an_endpoint_is_another_tenants_own() {
    let (app, salon, receiver) = story().await;
    let (endpoint, _) = receiver.endpoint(&app, bookings()).await;
    let stranger = app.tenant(&["admin"]).await;
    for path in [endpoint.clone(), format!("{endpoint}/deliveries")] {
        app.send(&stranger, ("GET", &path), &[], None).await.expect(404);
    }
    for what in ["enable", "disable", "rotate-secret"] {
        let path = format!("{endpoint}/{what}");
        app.send(&stranger, ("POST", &path), &[], Some("{}".to_owned())).await.expect(404);
    }
    let list = ("GET", "/api/v2/webhook-endpoints");
    let theirs = app.send(&stranger, list, &[], None).await.expect(200);
    assert_eq!(theirs["items"], json!([]));
    let theirs = json!({ "url": format!("{}/theirs", receiver.url) }).to_string();
    let create = ("POST", "/api/v2/webhook-endpoints");
    app.send(&stranger, create, &[], Some(theirs)).await.expect(201);
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert_eq!(message.path, "/hook", "nobody is told of another tenant's events");
}

#[tokio::test]
async fn endpoints_are_listed_changed_disabled_and_deleted() {
    let (app, salon, receiver) = story().await;
    let (endpoint, _) = receiver.endpoint(&app, bookings()).await;
    receiver.endpoint(&app, json!({ "description": "Second" })).await;
    let first = app.get("/api/v2/webhook-endpoints?limit=1").await.expect(200);
    let next = first["next"].as_str().unwrap();
    let second = format!("/api/v2/webhook-endpoints?limit=1&after={next}");
    let second = app.get(&second).await.expect(200)["items"][0].clone();
    assert_eq!(second["description"], "Second");
    let second = format!("/api/v2/webhook-endpoints/{}", second["id"].as_str().unwrap());
    let delete = ("DELETE", second.as_str());
    app.send(&app.key, delete, &[], Some("{}".to_owned())).await.expect(200);
    app.get(&second).await.expect(404);
    app.post(&format!("{endpoint}/disable"), json!({})).await.expect(200);
    salon.booked(&app, TEN).await;
    assert_eq!(app.app.webhooks.turn().await.unwrap().attempted, 0);
    let wanted = json!({ "url": format!("{}/moved", receiver.url),
                         "event_types": ["appointment.booked", "appointment.booked"] });
    let changed = app.put(&endpoint, wanted).await.expect(200);
    assert_eq!(changed["event_types"], json!(["appointment.booked"]));
    app.post(&format!("{endpoint}/enable"), json!({})).await.expect(200);
    app.app.webhooks.turn().await.unwrap();
    let [message] = receiver.journal().try_into().unwrap();
    assert_eq!(message.path, "/hook/moved", "what happened meanwhile is told afterwards");
    let page = app.get(&format!("{endpoint}/deliveries?state=failed")).await.expect(200);
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_names_its_field() {
    let (app, _, _) = story().await;
    let url = "https://example.org/hook";
    let many: Vec<_> = (0..51).map(|it| format!("type.{it}")).collect();
    let cases = [
        (json!({}), "url"),
        (json!({ "url": 7 }), "url"),
        (json!({ "url": "example.org" }), "url"),
        (json!({ "url": "ftp://example.org/" }), "url"),
        (json!({ "url": "https://u:p@example.org/" }), "url"),
        (json!({ "url": format!("https://example.org/{}", "x".repeat(2000)) }), "url"),
        (json!({ "url": url, "secret": "whsec_x" }), "secret"),
        (json!({ "url": url, "event_types": ["a b"] }), "event_types.0"),
        (json!({ "url": url, "event_types": ["a", ""] }), "event_types.1"),
        (json!({ "url": url, "event_types": ["*.booked"] }), "event_types.0"),
        (json!({ "url": url, "event_types": many }), "event_types"),
        (json!({ "url": url, "after": -1 }), "after"),
        (json!({ "url": url, "description": "x".repeat(201) }), "description"),
    ];
    for (body, field) in cases {
        let answer = app.post("/api/v2/webhook-endpoints", body.clone()).await;
        assert_eq!(answer.status.as_u16(), 400, "{body} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn a_worker_is_woken_by_what_happens_and_drains_when_it_is_stopped() {
    let (app, salon, receiver) = story().await;
    let (endpoint, _) = receiver.endpoint(&app, bookings()).await;
    let worker = Worker::start(app.app.webhooks.clone(), app.app.hints(), LeasedRanges::all());
    salon.booked(&app, TEN).await;
    receiver.came().await;
    worker.stop().await;
    assert_eq!(only(&app, &endpoint).await["state"], "delivered");
}

#[tokio::test]
async fn what_was_settled_is_forgotten_after_a_month_and_what_waits_is_not() {
    let (app, salon, receiver) = story().await;
    let (endpoint, _) = receiver.endpoint(&app, bookings()).await;
    salon.booked(&app, TEN).await;
    app.app.webhooks.turn().await.unwrap();
    salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
    app.app.webhooks.hand_out().await.unwrap();
    app.later(30 * 86_400);
    assert_eq!(app.app.webhooks.forget().await.unwrap(), 0);
    app.later(1);
    assert_eq!(app.app.webhooks.forget().await.unwrap(), 1);
    assert_eq!(only(&app, &endpoint).await["state"], "pending");
}

#[tokio::test]
async fn however_much_was_settled_in_a_month_is_forgotten_in_one_go() {
    let (app, _, receiver) = story().await;
    receiver.endpoint(&app, bookings()).await;
    let mut owner = PgConnection::connect_with(&app.database.options).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO ops.webhook_deliveries (tenant_id, endpoint_id, position, event_id, event_type, state,
             next_attempt_at, created_at)
         SELECT tenant_id, endpoint_id, n, gen_random_uuid(), 'appointment.booked', 'delivered', created_at, created_at
           FROM ops.webhook_endpoints, generate_series(1, 350) AS n",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    app.later(30 * 86_400 + 1);
    assert_eq!(app.app.webhooks.forget().await.unwrap(), 350);
}

#[tokio::test]
async fn any_number_of_senders_share_the_work_and_none_repeats_anothers() {
    let (app, _, receiver) = story().await;
    let head = app.get("/api/v2/events?limit=1000").await.expect(200)["next"].as_u64().unwrap();
    for _ in 0..3 {
        receiver.endpoint(&app, json!({ "after": 0 })).await;
    }
    let turns = futures::future::join_all((0..8).map(|_| app.app.webhooks.turn())).await;
    let attempted: usize = turns.into_iter().map(|turn| turn.unwrap().attempted).sum();
    assert_eq!((attempted, receiver.journal().len() as u64), (attempted, 3 * head));
}
