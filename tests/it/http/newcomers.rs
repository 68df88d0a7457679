//! Bookings that bring their customer along (API-02).

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

fn booking(salon: &Salon, starts_at: &str, customer: Value) -> Value {
    let mut body = salon.booking(starts_at);
    body.as_object_mut().unwrap().remove("customer_id");
    body["customer"] = customer;
    body
}

async fn customers(app: &TestApp) -> usize {
    app.app.runner.settle().await.unwrap();
    let list = app.get("/api/v2/customers?limit=100").await.expect(200);
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_newcomer_is_registered_with_the_booking_and_known_by_any_spelling_of_the_number() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let before = customers(&app).await;
    let newcomer = json!({ "name": "Nora", "phone": "0171 2345678", "email": "nora@example.com" });
    let body = booking(&salon, "2026-12-03T09:00:00Z", newcomer);
    let first = app.post("/api/v2/bookings", body).await.expect(201);
    let id = first["booking"]["customer_id"].as_str().unwrap();
    let customer = app.get(&format!("/api/v2/customers/{id}")).await.expect(200);
    assert_eq!(customer["name"], "Nora");
    assert_eq!(customer["phone"], "+491712345678");

    let again = json!({ "name": "N. N.", "phone": "+49 (0)171 / 23 45 678" });
    let body = booking(&salon, "2026-12-03T10:00:00Z", again);
    let second = app.post("/api/v2/bookings", body).await.expect(201);
    assert_eq!(second["booking"]["customer_id"], id);
    let known = json!({ "name": "Max", "phone": "0151 12345678" });
    let body = booking(&salon, "2026-12-03T11:00:00Z", known);
    let third = app.post("/api/v2/bookings", body).await.expect(201);
    assert_eq!(third["booking"]["customer_id"], json!(salon.customer));
    assert_eq!(customers(&app).await, before + 1);
}

#[tokio::test]
async fn a_refused_or_tried_booking_registers_nobody() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    salon.booked(&app, "2026-12-03T09:00:00Z").await;
    let before = customers(&app).await;
    let newcomer = json!({ "name": "Nora", "phone": "0171 2345678" });
    let body = booking(&salon, "2026-12-03T09:00:00Z", newcomer.clone());
    app.post("/api/v2/bookings", body).await.expect(409);
    let mut body = booking(&salon, "2026-12-03T10:00:00Z", newcomer);
    body["dry_run"] = json!(true);
    app.post("/api/v2/bookings", body).await.expect(200);
    assert_eq!(customers(&app).await, before);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_the_same_customer() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let newcomer = json!({ "name": "Nora", "phone": "0171 2345678" });
    let body = booking(&salon, "2026-12-03T09:00:00Z", newcomer);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let key = [("idempotency-key", "n-1")];
        let route = ("POST", "/api/v2/bookings");
        let answer = app.send(&app.key, route, &key, Some(body.to_string())).await;
        answers.push(answer.expect(201));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn what_is_wrong_with_a_newcomer_is_named() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    for (customer, field) in [
        (json!({ "name": "Nora", "phone": "12" }), "customer.phone"),
        (json!({ "name": "Nora", "phone": "0171 2345678", "email": "x" }), "customer.email"),
        (json!({ "name": "Nora" }), "phone"),
        (json!({ "name": "Nora", "phone": "0171 2345678", "age": 7 }), "age"),
    ] {
        let body = booking(&salon, "2026-12-03T09:00:00Z", customer.clone());
        let answer = app.post("/api/v2/bookings", body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{customer}: {:#}", answer.body);
        assert!(answer.body.to_string().contains(field), "{customer}: {:#}", answer.body);
    }
    let mut both = salon.booking("2026-12-03T09:00:00Z");
    both["customer"] = json!({ "name": "Nora", "phone": "0171 2345678" });
    let answer = app.post("/api/v2/bookings", both).await;
    assert!(
        answer.body.to_string().contains("either customer_id or customer"),
        "{:#}",
        answer.body
    );
}

#[tokio::test]
async fn a_series_can_bring_its_customer_along() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let before = customers(&app).await;
    let series = json!({
        "customer": { "name": "Nora", "phone": "0171 2345678" }, "service_id": salon.service,
        "staff_id": salon.staff[0], "branch_id": salon.branch,
        "starts_at_local": "2026-12-03T10:00:00", "zone": "Europe/Berlin",
        "rrule": "FREQ=WEEKLY;COUNT=4",
    });
    app.post("/api/v2/series", series).await.expect(201);
    assert_eq!(customers(&app).await, before + 1);
}
