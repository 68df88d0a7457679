//! One customer in two places at once, and appointments that are said to be over before they begin.

use serde_json::json;

use super::{Salon, TestApp, minutes};

/// A booking of the customer with the second staff member.
fn with_bela(salon: &Salon, starts_at: &str) -> serde_json::Value {
    let mut body = salon.booking(starts_at);
    body["staff_id"] = json!(salon.staff[1]);
    body
}

#[tokio::test]
async fn a_customer_is_not_booked_in_two_places_at_once() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let first = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let second = with_bela(&salon, "2026-12-02T10:30:00+01:00");
    let refused = app.post("/api/v2/bookings", second.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "CUSTOMER_BUSY"));
    let details = &refused.body["error"]["details"];
    assert_eq!(details["conflicting_appointment_id"], first);
    assert_eq!(details["starts_at"], "2026-12-02T09:00:00Z");
    // Right after it is another time.
    let after = app.post("/api/v2/bookings", with_bela(&salon, "2026-12-02T11:00:00+01:00")).await;
    let after = after.expect(201)["appointment_id"].as_str().unwrap().to_owned();
    let to = json!({ "new_starts_at": "2026-12-02T10:45:00+01:00" });
    let path = format!("/api/v2/bookings/{after}/reschedule");
    let refused = app.patch(&path, to.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "CUSTOMER_BUSY"));
    // Within its own time it moves.
    let to = json!({ "new_starts_at": "2026-12-02T11:15:00+01:00" });
    app.patch(&path, to).await.expect(200);
    // A hold is nobody's until it is booked.
    let place = json!({ "service_id": salon.service, "staff_id": salon.staff[1],
        "branch_id": salon.branch, "starts_at": "2026-12-02T09:30:00+01:00" });
    let held = app.post("/api/v2/holds", place).await.expect(201);
    let book = json!({ "customer_id": salon.customer, "hold_token": held["hold_token"] });
    let refused = app.post("/api/v2/bookings", book).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "CUSTOMER_BUSY"));
}

#[tokio::test]
async fn an_overlap_that_the_request_allows_is_booked_and_marked() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let first = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let mut second = with_bela(&salon, "2026-12-02T10:30:00+01:00");
    second["allow_overlap"] = json!(true);
    let body = app.post("/api/v2/bookings", second).await.expect(201);
    let path = format!("/api/v2/bookings/{}", body["appointment_id"].as_str().unwrap());
    assert_eq!(app.get(&path).await.expect(200)["overlaps"], json!([first]));
    let away = json!({ "new_starts_at": "2026-12-02T14:00:00+01:00" });
    app.patch(&format!("{path}/reschedule"), away).await.expect(200);
    assert_eq!(app.get(&path).await.expect(200)["overlaps"], json!([]));
    let back = json!({ "new_starts_at": "2026-12-02T09:30:00+01:00", "allow_overlap": true });
    app.patch(&format!("{path}/reschedule"), back).await.expect(200);
    assert_eq!(app.get(&path).await.expect(200)["overlaps"], json!([first]));
}

#[tokio::test]
async fn a_customer_who_may_overlap_is_booked_twice_without_a_mark() {
    let app = TestApp::new().await;
    let mut salon = app.salon(minutes(60)).await;
    let account = json!({ "company_id": salon.company, "name": "Walk-ins",
        "phone": "0151 12345670", "may_overlap": true });
    salon.customer = app.made("customers", account).await;
    let shown = app.get(&format!("/api/v2/customers/{}", salon.customer)).await.expect(200);
    assert_eq!(shown["may_overlap"], true);
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let second = with_bela(&salon, "2026-12-02T10:30:00+01:00");
    let body = app.post("/api/v2/bookings", second).await.expect(201);
    let path = format!("/api/v2/bookings/{}", body["appointment_id"].as_str().unwrap());
    assert_eq!(app.get(&path).await.expect(200)["overlaps"], json!([]));
}

#[tokio::test]
async fn an_occurrence_over_another_appointment_refuses_a_series_or_is_left_out() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    app.post("/api/v2/bookings", with_bela(&salon, "2026-12-09T10:30:00+01:00")).await.expect(201);
    let mut series = json!({ "customer_id": salon.customer, "service_id": salon.service,
        "staff_id": salon.staff[0], "branch_id": salon.branch, "zone": "Europe/Berlin",
        "starts_at_local": "2026-12-02T10:00:00", "rrule": "FREQ=WEEKLY;COUNT=5" });
    let refused = app.post("/api/v2/series", series.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "CUSTOMER_BUSY"));
    assert_eq!(refused.body["error"]["details"]["occurrence"], 2);
    series["skip_conflicts"] = json!(true);
    let body = app.post("/api/v2/series", series).await.expect(201);
    assert_eq!(body["series"]["occurrences"][1]["status"], "left_out");
}

#[tokio::test]
async fn an_appointment_is_not_completed_before_it_was_to_start() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let step = |name: &str| format!("/api/v2/bookings/{id}/{name}");
    app.at("2026-12-02T08:45:00Z");
    app.post(&step("start"), json!({})).await.expect(200);
    for name in ["complete", "no-show"] {
        let refused = app.post(&step(name), json!({})).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "NOT_YET_DUE"), "{name}");
    }
    app.at("2026-12-02T09:00:00Z");
    app.post(&step("complete"), json!({})).await.expect(200);
}
