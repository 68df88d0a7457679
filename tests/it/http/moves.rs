//! Moving: what availability offers for a move is accepted, in time and to whom.

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

/// A day of offers for the appointment that moves, from each surface.
async fn offers(app: &TestApp, salon: &Salon, moving: &str) -> Vec<(String, String)> {
    let window = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "reschedule_of": moving, "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let searched = app.post("/api/v2/availability/search", window).await.expect(200);
    let pairs = |body: &Value| -> Vec<_> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let slots = body["slots"].as_array().unwrap().iter();
        slots.map(|slot| (text(&slot["starts_at"]), text(&slot["staff_id"]))).collect()
    };
    let found = pairs(&searched);
    let day = json!({ "service_id": salon.service, "date": "2026-12-02", "reschedule_of": moving });
    let simple = app.post("/api/v2/availability/simple", day).await.expect(200);
    assert_eq!(pairs(&simple), found);
    let check = json!({ "event_type_id": salon.service, "reschedule_of": moving,
        "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let checked = app.post("/api/event-management/check-availability", check).await.expect(200);
    assert_eq!(pairs(&checked), found);
    let next = json!({ "service_id": salon.service, "reschedule_of": moving, "count": 50,
        "from": "2026-12-01T23:00:00Z" });
    let next = pairs(&app.post("/api/v2/availability/next", next).await.expect(200));
    let count = next.len().min(found.len());
    assert_eq!(next[..count], found[..count]);
    let explained = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "reschedule_of": moving, "date": "2026-12-02" });
    let explained = app.post("/api/v2/availability/explain", explained).await.expect(200);
    let free = explained["starts"].as_array().unwrap().iter();
    let free: Vec<_> = free.filter(|it| it["verdict"] == "free").collect();
    let free: Vec<_> = free.iter().map(|it| it["starts_at"].as_str().unwrap()).collect();
    assert_eq!(free, found.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>());
    found
}

async fn try_to_move(app: &TestApp, id: &str, body: Value) -> super::Answer {
    app.patch(&format!("/api/v2/bookings/{id}/reschedule"), body).await
}

#[tokio::test]
async fn every_offer_for_a_move_is_accepted_and_nothing_else_is() {
    let app = TestApp::new().await;
    let mut salon = app.salon(minutes(60)).await;
    let rules = json!({ "limits": { "per_staff_per_day": 2, "per_customer_per_day": 1 } });
    salon.service = app.service(&salon.company, "Colour", minutes(60), rules, &salon.staff).await;
    let moving = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    // Anna has as many as she may on the day, one of them the one that moves; Bela is off at noon.
    let others = json!({ "company_id": salon.company, "name": "Eva", "phone": "0151 12345679" });
    let eva = app.made("customers", others).await;
    let mut second = salon.booking("2026-12-02T12:00:00+01:00");
    second["customer_id"] = json!(eva);
    app.post("/api/v2/bookings", second).await.expect(201);
    // The customer is somewhere else from three to four.
    let cut = app.service(&salon.company, "Short cut", minutes(60), json!({}), &salon.staff).await;
    let mut elsewhere = salon.booking("2026-12-02T15:00:00+01:00");
    (elsewhere["service_id"], elsewhere["staff_id"]) = (json!(cut), json!(salon.staff[1]));
    app.post("/api/v2/bookings", elsewhere).await.expect(201);

    let offered = offers(&app, &salon, &moving).await;
    let starts: Vec<_> = offered.iter().map(|(at, _)| at.as_str()).collect();
    assert!(starts.contains(&"2026-12-02T09:00:00Z"), "where it is: {starts:?}");
    assert!(starts.contains(&"2026-12-02T09:30:00Z"), "over its own claims: {starts:?}");
    assert!(!starts.contains(&"2026-12-02T14:00:00Z"), "the customer is elsewhere: {starts:?}");
    for quarter in 0..4 * 24 {
        let starts_at = format!("2026-12-02T{:02}:{:02}:00Z", quarter / 4, quarter % 4 * 15);
        let body = json!({ "new_starts_at": starts_at, "any_staff": true, "dry_run": true });
        let answer = try_to_move(&app, &moving, body).await;
        let is_offered = offered.iter().any(|(at, _)| *at == starts_at);
        assert_eq!(answer.status.as_u16() == 200, is_offered, "{starts_at} {:#}", answer.body);
    }
    for (starts_at, staff_id) in &offered {
        let body = json!({ "new_starts_at": starts_at, "staff_id": staff_id, "dry_run": true });
        let answer = try_to_move(&app, &moving, body).await.expect(200);
        assert_eq!(answer["booking"]["staff_id"], **staff_id);
    }
    // Without the appointment its own time is not offered with Anna.
    let pinned = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "staff_id": salon.staff[0], "starts_at": "2026-12-02T09:30:00Z" });
    let explained = app.post("/api/v2/availability/explain", pinned.clone()).await.expect(200);
    assert_eq!(explained["answer"]["verdict"], "refused");
    let mut moved = pinned;
    moved["reschedule_of"] = json!(moving);
    let explained = app.post("/api/v2/availability/explain", moved).await.expect(200);
    assert_eq!(explained["answer"]["verdict"], "free");
}

#[tokio::test]
async fn a_move_keeps_the_staff_member_or_goes_to_another_or_to_whoever_is_free() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let eva = json!({ "company_id": salon.company, "name": "Eva", "phone": "0151 12345679" });
    let mut taken = salon.booking("2026-12-02T14:00:00+01:00");
    taken["customer_id"] = json!(app.made("customers", eva).await);
    app.post("/api/v2/bookings", taken).await.expect(201);
    let to = json!({ "new_starts_at": "2026-12-02T14:00:00+01:00" });
    let refused = try_to_move(&app, &id, to.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "APPOINTMENT_CONFLICT"));
    let mut both = to.clone();
    (both["any_staff"], both["staff_id"]) = (json!(true), json!(salon.staff[1]));
    assert_eq!(try_to_move(&app, &id, both).await.status.as_u16(), 400);
    let mut anyone = to;
    anyone["any_staff"] = json!(true);
    let moved = try_to_move(&app, &id, anyone).await.expect(200);
    assert_eq!(moved["booking"]["staff_id"], salon.staff[1]);
    let back = json!({ "new_starts_at": "2026-12-02T10:00:00+01:00", "staff_id": salon.staff[0] });
    let moved = try_to_move(&app, &id, back).await.expect(200);
    assert_eq!(moved["booking"]["staff_id"], salon.staff[0]);
}

#[tokio::test]
async fn a_question_about_a_move_names_an_appointment_that_can_move_and_what_was_booked() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let ask = |fields: Value| {
        let mut body = json!({ "service_id": salon.service, "date_from": "2026-12-02",
            "date_to": "2026-12-02", "reschedule_of": id });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    let search = "/api/v2/availability/search";
    let unknown = ask(json!({ "reschedule_of": salon.company }));
    assert_eq!(app.post(search, unknown).await.status.as_u16(), 404);
    let other = app.service(&salon.company, "Perm", minutes(30), json!({}), &salon.staff).await;
    assert_eq!(app.post(search, ask(json!({ "service_id": other }))).await.status.as_u16(), 400);
    let branch = json!({ "company_id": salon.company, "name": "Ost", "zone": "Europe/Berlin" });
    let branch = app.made("branches", branch).await;
    assert_eq!(app.post(search, ask(json!({ "branch_id": branch }))).await.status.as_u16(), 400);
    app.post(&format!("/api/v2/bookings/{id}/cancel"), json!({})).await.expect(200);
    let refused = app.post(search, ask(json!({}))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "STATUS_FORBIDS"));
}

#[tokio::test]
async fn a_question_about_a_move_is_answered_again_as_of_then() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let ask = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "reschedule_of": id, "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let answer = app.post("/api/v2/availability/search", ask).await;
    let receipt = answer.headers["daybook-receipt"].to_str().unwrap().to_owned();
    app.patch(
        &format!("/api/v2/bookings/{id}/reschedule"),
        json!({ "new_starts_at": "2026-12-03T10:00:00+01:00" }),
    )
    .await
    .expect(200);
    app.post(&format!("/api/v2/bookings/{id}/cancel"), json!({})).await.expect(200);
    let replay = format!("/api/v2/receipts/{receipt}/replay");
    let again = app.post(&replay, json!({})).await.expect(200);
    assert_eq!((&again["is_same"], &again["answer"]), (&json!(true), &answer.body));
}
