//! Moving, cancelling, and the steps of the status flow, under the agreed terms.

use serde_json::{Value, json};

use super::{TestApp, minutes};

async fn cancelled(app: &TestApp, id: &str) -> Value {
    app.post(&format!("/api/v2/bookings/{id}/cancel"), json!({ "reason": "ill" })).await.expect(200)
}

#[tokio::test]
async fn a_cancellation_exactly_24_hours_before_is_in_time_and_a_minute_later_is_not() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let on_time = salon.booked(&app, "2026-12-03T10:00:00+01:00").await;
    let late = salon.booked(&app, "2026-12-03T11:00:00+01:00").await;
    app.at("2026-12-02T09:00:00Z");
    let body = cancelled(&app, &on_time).await;
    assert_eq!((&body["policy_violation"], &body["cancellation_fee"]), (&json!(false), &json!(0)));
    app.at("2026-12-02T10:01:00Z");
    let body = cancelled(&app, &late).await;
    assert_eq!(body["policy_violation"], true);
    let history = app.get(&format!("/api/v2/bookings/{late}/history")).await.expect(200);
    let types: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    let expected = ["appointment.booked", "appointment.cancelled", "appointment.policy_violated"];
    assert_eq!(types, expected);
}

#[tokio::test]
async fn a_policy_that_blocks_refuses_and_one_that_charges_names_the_fee() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("/api/v2/companies/{}/policies", salon.company);
    let policy = |action: &str| {
        json!({ "cancellation": { "violation_action": action,
        "fee": { "percent": 50 }, "min_hours_notice": 24, "max_free_per_month": 2 } })
    };
    app.put(&path, policy("block")).await.expect(200);
    let blocked = salon.booked(&app, "2026-12-01T12:00:00+01:00").await;
    app.put(&path, policy("charge_fee")).await.expect(200);
    let charged = salon.booked(&app, "2026-12-01T13:00:00+01:00").await;
    let refused = app.post(&format!("/api/v2/bookings/{blocked}/cancel"), json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "POLICY_BLOCKED"));
    assert_eq!(cancelled(&app, &charged).await["cancellation_fee"], 2250);
}

#[tokio::test]
async fn the_third_cancellation_of_a_month_is_not_free() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut violations = Vec::new();
    for hour in 10..13 {
        let id = salon.booked(&app, &format!("2026-12-10T{hour}:00:00+01:00")).await;
        violations.push(cancelled(&app, &id).await["policy_violation"].clone());
    }
    assert_eq!(violations, [json!(false), json!(false), json!(true)]);
}

#[tokio::test]
async fn a_moved_appointment_frees_its_old_place_and_keeps_its_id() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let to = json!({ "new_starts_at": "2026-12-02T10:30:00+01:00", "staff_id": salon.staff[1] });
    let path = format!("/api/v2/bookings/{id}/reschedule");
    let body = app.patch(&path, to).await.expect(200);
    assert_eq!(body["old_time"], "2026-12-02T09:00:00Z");
    assert_eq!(body["new_time"], "2026-12-02T09:30:00Z");
    assert_eq!(body["policy_check"], "passed");
    assert_eq!(body["booking"]["staff_id"], json!(salon.staff[1]));
    let eva = json!({ "company_id": salon.company, "name": "Eva", "phone": "0151 12345679" });
    let mut other = salon.booking("2026-12-02T10:00:00+01:00");
    other["customer_id"] = json!(app.made("customers", eva).await);
    app.post("/api/v2/bookings", other).await.expect(201);
    let mut taken = salon.booking("2026-12-02T10:00:00+01:00");
    taken["staff_id"] = json!(salon.staff[1]);
    app.post("/api/v2/bookings", taken).await.expect(409);
}

#[tokio::test]
async fn an_appointment_can_move_onto_its_own_time() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let to = json!({ "new_starts_at": "2026-12-02T10:15:00+01:00" });
    app.patch(&format!("/api/v2/bookings/{id}/reschedule"), to).await.expect(200);
}

#[tokio::test]
async fn a_pending_booking_holds_its_place_and_goes_through_the_status_flow() {
    let app = TestApp::new().await;
    let mut salon = app.salon(minutes(60)).await;
    let rules = json!({ "requires_confirmation": true });
    let staff = &salon.staff[..1];
    salon.service = app.service(&salon.company, "Consult", minutes(30), rules, staff).await;
    let id = salon.booked(&app, "2026-12-01T10:00:00+01:00").await;
    app.post("/api/v2/bookings", salon.booking("2026-12-01T10:00:00+01:00")).await.expect(409);
    let step =
        async |name: &str| app.post(&format!("/api/v2/bookings/{id}/{name}"), json!({})).await;
    assert_eq!(step("start").await.code(), "STATUS_FORBIDS");
    for (name, status) in
        [("confirm", "confirmed"), ("start", "in_progress"), ("complete", "completed")]
    {
        if name == "complete" {
            app.at("2026-12-01T09:00:00Z");
        }
        assert_eq!(step(name).await.expect(200)["booking"]["status"], status);
    }
    assert_eq!(step("cancel").await.status.as_u16(), 409);
}

#[tokio::test]
async fn a_version_that_the_caller_has_not_seen_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-10T10:00:00+01:00").await;
    let path = format!("/api/v2/bookings/{id}/cancel");
    let send = async |version| {
        let headers = [("if-match", version)];
        app.send(&app.key, ("POST", &path), &headers, Some("{}".to_owned())).await
    };
    let stale = send("\"7\"").await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "VERSION_MISMATCH"));
    send("\"1\"").await.expect(200);
}
