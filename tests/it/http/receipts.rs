//! Every answer about time leaves a receipt, "no" included, and would be given again.

use serde_json::{Value, json};

use super::{Answer, TestApp, minutes};

fn receipt_of(answer: &Answer) -> String {
    answer.headers["daybook-receipt"].to_str().unwrap().to_owned()
}

async fn replayed(app: &TestApp, answer: &Answer) -> Value {
    let path = format!("/api/v2/receipts/{}/replay", receipt_of(answer));
    app.post(&path, json!({})).await.expect(200)
}

#[tokio::test]
async fn an_answer_can_be_looked_at_and_asked_again_after_the_world_has_changed() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let day = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let simple = json!({ "service_id": salon.service, "date": "2026-12-02" });
    let start = "2026-12-02T10:00:00+01:00";
    let explain =
        json!({ "service_id": salon.service, "branch_id": salon.branch, "starts_at": start });
    let next = json!({ "service_id": salon.service, "count": 2 });
    let mut given = Vec::new();
    for (route, question) in
        [("search", &day), ("simple", &simple), ("explain", &explain), ("next", &next)]
    {
        given.push(app.post(&format!("/api/v2/availability/{route}"), question.clone()).await);
    }
    salon.booked(&app, start).await;
    app.at("2026-12-02T08:30:00Z");
    for answer in &given {
        let again = replayed(&app, answer).await;
        assert_eq!((&again["is_same"], &again["answer"]), (&json!(true), &answer.body));
    }
    let path = format!("/api/v2/receipts/{}", receipt_of(&given[0]));
    let receipt = app.get(&path).await.expect(200);
    assert_eq!(receipt["question"], day);
    assert_eq!(receipt["route"], "POST /api/v2/availability/search");
    assert_eq!(receipt["position"], given[0].body["position"]);
    let other = app.tenant(&["admin"]).await;
    app.send(&other, ("GET", &path), &[], None).await.expect(404);
}

#[tokio::test]
async fn a_refused_booking_is_kept_with_its_reason_and_without_the_customer() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let start = "2026-12-02T10:00:00+01:00";
    let mut wish = salon.booking(start);
    wish["staff_id"] = json!(salon.staff[0]);
    wish["notes"] = json!("allergic to henna");
    app.post("/api/v2/bookings", wish.clone()).await.expect(201);
    let refused = app.post("/api/v2/bookings", wish).await;
    assert_eq!(refused.status.as_u16(), 409);
    let page = app.get("/api/v2/receipts?status=409").await.expect(200);
    let receipt = &page["items"][0];
    assert_eq!(receipt["receipt_id"], receipt_of(&refused).as_str());
    assert_eq!(receipt["code"], "APPOINTMENT_CONFLICT");
    let position = refused.headers["daybook-position"].to_str().unwrap();
    assert_eq!(receipt["position"].to_string(), position, "a refusal rests on a position too");
    assert_eq!(receipt["question"]["starts_at"], start);
    assert!(!receipt["question"].to_string().contains("henna"));
    assert!(receipt["answer"]["error"]["details"].is_object(), "{receipt:#}");
    let path = format!("/api/v2/receipts/{}/replay", receipt_of(&refused));
    assert_eq!(app.post(&path, json!({})).await.expect(409)["code"], "NOT_REPLAYABLE");
    let nonsense = app.post("/api/v2/bookings", json!({ "starts_at": 7 })).await;
    assert_eq!(nonsense.status.as_u16(), 400);
    assert!(nonsense.headers.get("daybook-receipt").is_none());
}
