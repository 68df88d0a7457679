//! One engine behind every surface.

use serde_json::{Value, json};

use super::{TestApp, minutes};

#[tokio::test]
async fn a_day_answers_the_same_starts_on_every_surface() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let anna = &salon.staff[0];
    let open = json!([{ "from": "09:00", "to": "10:00" }, { "from": "14:00", "to": "15:00" }]);
    let hours = json!({ "hours": { "open": open } });
    app.put(&format!("/api/v2/staff/{anna}/exceptions/2026-12-02"), hours).await.expect(200);
    let day = json!({ "date": "2026-12-02", "service_id": salon.service, "staff_id": anna,
                      "duration_minutes": 60 });
    let body = app.post("/api/v2/availability/simple", day).await.expect(200);
    let times = |slots: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let slots = slots.as_array().unwrap().iter();
        slots.map(|slot| (text(&slot["start"]), text(&slot["end"]))).collect()
    };
    let expected = [("09:00", "10:00"), ("14:00", "15:00")];
    let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(times(&body["slots"]), expected);
    assert_eq!(body["available"], true);
    let instants = |body: &Value| -> Vec<Value> {
        body["slots"].as_array().unwrap().iter().map(|slot| slot["starts_at"].clone()).collect()
    };
    let check = json!({ "event_type_id": salon.service, "staff_id": anna,
                        "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let checked = app.post("/api/event-management/check-availability", check).await.expect(200);
    assert_eq!(instants(&checked), instants(&body));
}

#[tokio::test]
async fn a_basket_answers_its_segments_one_after_the_other() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let staff = &salon.staff;
    let style = app.service(&salon.company, "Style", minutes(45), json!({}), staff).await;
    let basket = json!({ "date": "2026-12-02", "staff_id": staff[0], "services": [
        { "service_id": salon.service, "duration": 30 }, { "service_id": style, "duration": 45 }] });
    let body = app.post("/api/v2/availability/composite", basket).await.expect(200);
    assert_eq!(body["total_duration"], 75);
    let segments = body["slots"][0]["segments"].as_array().unwrap();
    let times: Vec<_> =
        segments.iter().map(|it| (it["start"].clone(), it["end"].clone())).collect();
    assert_eq!(times, [(json!("09:00"), json!("09:30")), (json!("09:30"), json!("10:15"))]);
}

#[tokio::test]
async fn a_booked_place_is_gone_for_whoever_has_seen_the_booking() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let wish = salon.booking("2026-12-02T10:00:00+01:00");
    let booked = app.post("/api/v2/bookings", wish).await;
    let position: u64 = booked.headers["daybook-position"].to_str().unwrap().parse().unwrap();
    let query = json!({ "service_id": salon.service, "staff_id": salon.staff[0],
        "branch_id": salon.branch, "date_from": "2026-12-02T10:00:00+01:00",
        "date_to": "2026-12-02T12:00:00+01:00", "min_position": position });
    let body = app.post("/api/v2/availability/search", query).await.expect(200);
    assert!(position <= body["position"].as_u64().unwrap());
    let starts: Vec<_> =
        body["slots"].as_array().unwrap().iter().map(|it| &it["starts_at"]).collect();
    assert_eq!(starts.first(), Some(&&json!("2026-12-02T10:00:00Z")));
}

#[tokio::test]
async fn a_refused_start_is_explained_with_every_reason() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let explain = json!({ "service_id": salon.service, "staff_id": salon.staff[0],
        "branch_id": salon.branch, "starts_at": "2026-12-05T08:05:00+01:00" });
    let body = app.post("/api/v2/availability/explain", explain).await.expect(200);
    let reasons = body["answer"]["reasons"].as_array().unwrap();
    let codes: Vec<_> = reasons.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"OFF_GRID") && codes.contains(&"OUTSIDE_HOURS"), "{codes:?}");
}
