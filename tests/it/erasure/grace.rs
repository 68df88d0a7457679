//! Between the wish and the end of its grace.

use serde_json::{Value, json};

use super::{DAY, NEXT_YEAR, TOMORROW, customer, leaving, listed, of};
use crate::http::{TestApp, minutes};

#[tokio::test]
async fn whoever_asks_to_be_forgotten_counts_as_deleted_until_that_is_taken_back() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let booked = salon.booked(&app, NEXT_YEAR).await;
    leaving(&app, &salon).await;
    let shown = customer(&app, &salon).await;
    let wish = json!({ "requested_at": "2026-12-01T07:00:00Z", "due_at": "2026-12-31T07:00:00Z" });
    assert_eq!((&shown["erasure"], &shown["name"]), (&wish, &json!("Max")));
    app.app.runner.settle().await.unwrap();
    assert!(listed(&app, "").await.is_empty());
    assert!(listed(&app, "?erasure=done").await.is_empty());
    assert_eq!(listed(&app, "?erasure=pending&name=max").await, [json!(salon.customer)]);
    assert_eq!(listed(&app, "?erasure=any").await, [json!(salon.customer)]);
    let appointment = app.get(&format!("/api/v2/bookings/{booked}")).await.expect(200);
    assert_eq!(appointment["status"], "confirmed", "what was booked stays during the grace");
    app.delete(&format!("{}/erasure", of(&salon)), json!({})).await.expect(200);
    assert_eq!(customer(&app, &salon).await["erasure"], Value::Null);
    app.app.runner.settle().await.unwrap();
    assert_eq!(listed(&app, "").await, [json!(salon.customer)]);
    salon.booked(&app, TOMORROW).await;
}

#[tokio::test]
async fn nothing_new_is_booked_or_noted_for_whoever_asked_to_be_forgotten() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut place = salon.booking(TOMORROW);
    place.as_object_mut().unwrap().remove("customer_id");
    let hold = app.post("/api/v2/holds", place.clone()).await.expect(201);
    leaving(&app, &salon).await;
    let mut guest = place;
    guest["starts_at"] = json!("2026-12-02T13:00:00+01:00");
    guest["customer"] = json!({ "name": "Max", "phone": "0151 12345678" });
    let held = json!({ "hold_token": hold["hold_token"], "customer_id": salon.customer });
    let mut series = salon.booking("");
    series.as_object_mut().unwrap().remove("starts_at");
    series["zone"] = json!("Europe/Berlin");
    series["rrule"] = json!("FREQ=WEEKLY;COUNT=4");
    series["starts_at_local"] = json!("2026-12-15T10:00:00");
    for (path, body) in [
        ("/api/v2/bookings", salon.booking("2026-12-02T13:00:00+01:00")),
        ("/api/v2/bookings", guest),
        ("/api/v2/bookings", held),
        ("/api/v2/series", series),
        (&format!("{}/notes", of(&salon)), json!({ "text": "likes tea" })),
    ] {
        let answer = app.post(path, body).await;
        let said = (answer.status.as_u16(), answer.code());
        assert_eq!(said, (409, "CUSTOMER_ERASURE_PENDING"), "{path}");
    }
    // To be put right is a right that lasts.
    let right = json!({ "name": "Maximilian", "phone": "0151 12345678" });
    app.put(&of(&salon), right).await.expect(200);
}

#[tokio::test]
async fn a_shorter_grace_is_kept_and_a_longer_one_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("{}/erasure", of(&salon));
    let answer = app.post(&path, json!({ "grace_days": 31 })).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["errors"][0]["pointer"]),
        (400, &json!("/grace_days"))
    );
    app.post(&path, json!({ "grace_days": 2, "dry_run": true })).await.expect(200);
    assert_eq!(customer(&app, &salon).await["erasure"], Value::Null);
    app.post(&path, json!({ "grace_days": 2 })).await.expect(200);
    app.later(DAY);
    // Asked again, it is the first wish that counts.
    let again = app.post(&path, json!({})).await.expect(200);
    assert_eq!(again["version"], json!(2));
    assert_eq!(customer(&app, &salon).await["erasure"]["due_at"], "2026-12-03T07:00:00Z");
}

#[tokio::test]
async fn who_is_forgotten_at_once_leaves_no_appointment_and_cannot_come_back() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let booked = salon.booked(&app, TOMORROW).await;
    app.post(&format!("{}/erase", of(&salon)), json!({})).await.expect(200);
    let shown = customer(&app, &salon).await;
    assert_eq!((&shown["is_erased"], &shown["phone"]), (&json!(true), &Value::Null));
    let appointment = app.get(&format!("/api/v2/bookings/{booked}")).await.expect(200);
    assert_eq!(appointment["status"], "cancelled");
    let withdrawn = app.delete(&format!("{}/erasure", of(&salon)), json!({})).await;
    assert_eq!((withdrawn.status.as_u16(), withdrawn.code()), (409, "INACTIVE"));
}
