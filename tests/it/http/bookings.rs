//! Booking, holding, and what a refusal tells.

use futures::future::join_all;
use serde_json::json;

use super::{TestApp, minutes};

#[tokio::test]
async fn of_fifty_bookings_of_one_place_one_wins_and_the_others_are_told_who_and_when() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let wish = salon.booking("2026-12-02T10:00:00+01:00");
    let answers = join_all((0..50).map(|_| app.post("/api/v2/bookings", wish.clone()))).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status.as_u16() == 201);
    assert_eq!((won.len(), lost.len()), (1, 49));
    let winner = &won[0].body["appointment_id"];
    for answer in &lost {
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "APPOINTMENT_CONFLICT"));
        let details = &answer.body["error"]["details"];
        assert_eq!(&details["conflicting_appointment_id"], winner);
        assert_eq!(details["requested_time"], "2026-12-02T09:00:00Z");
        let next = ["2026-12-02T10:00:00Z", "2026-12-02T10:15:00Z", "2026-12-02T10:30:00Z"];
        assert_eq!(details["next_free"], json!(next));
    }
}

#[tokio::test]
async fn a_composite_service_becomes_one_appointment_with_its_phases_in_a_row() {
    let app = TestApp::new().await;
    let phases = [("A", 30), ("B", 15), ("C", 30), ("D", 30)];
    let phases: Vec<_> =
        phases.iter().map(|(key, min)| json!({ "key": key, "active_min": min })).collect();
    let salon = app.salon(json!(phases)).await;
    let body = app.post("/api/v2/bookings", salon.booking("2026-12-02T10:00:00+01:00")).await;
    let booking = &body.expect(201)["booking"];
    let times: Vec<_> = booking["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| {
            (
                phase["key"].as_str().unwrap(),
                phase["starts_at"].as_str().unwrap().to_owned(),
                phase["ends_at"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        ("A", "09:00", "09:30"),
        ("B", "09:30", "09:45"),
        ("C", "09:45", "10:15"),
        ("D", "10:15", "10:45"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(key, from, to)| {
            (*key, format!("2026-12-02T{from}:00Z"), format!("2026-12-02T{to}:00Z"))
        })
        .collect();
    assert_eq!(times, expected);
    assert_eq!(booking["is_composite"], true);
}

#[tokio::test]
async fn staff_are_bookable_while_the_colour_of_another_customer_works() {
    let app = TestApp::new().await;
    let colour = json!([{ "key": "A", "active_min": 30, "processing_min": 30 },
                        { "key": "B", "active_min": 30 }]);
    let salon = app.salon(colour).await;
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let anna = &salon.staff[..1];
    let cut = app.service(&salon.company, "Short cut", minutes(30), json!({}), anna).await;
    let mut between = salon.booking("2026-12-02T10:30:00+01:00");
    between["service_id"] = json!(cut);
    app.post("/api/v2/bookings", between.clone()).await.expect(201);
    between["starts_at"] = json!("2026-12-02T11:00:00+01:00");
    app.post("/api/v2/bookings", between).await.expect(409);
}

#[tokio::test]
async fn a_hold_keeps_a_place_until_it_lapses() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let place = json!({ "service_id": salon.service, "staff_id": salon.staff[0],
        "branch_id": salon.branch, "starts_at": "2026-12-02T10:00:00+01:00" });
    let held = app.post("/api/v2/holds", place).await.expect(201);
    let wish = salon.booking("2026-12-02T10:00:00+01:00");
    let refused = app.post("/api/v2/bookings", wish.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "APPOINTMENT_CONFLICT"));
    app.at("2026-12-01T07:05:00Z");
    let booked = json!({ "customer_id": salon.customer, "hold_token": held["hold_token"] });
    let late = app.post("/api/v2/bookings", booked).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "HOLD_EXPIRED"));
    app.post("/api/v2/bookings", wish).await.expect(201);
}

#[tokio::test]
async fn a_hold_is_booked_once_with_its_token() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let place = json!({ "service_id": salon.service, "staff_id": salon.staff[0],
        "branch_id": salon.branch, "starts_at": "2026-12-02T10:00:00+01:00" });
    let held = app.post("/api/v2/holds", place).await.expect(201);
    let token = held["hold_token"].as_str().unwrap();
    app.at("2026-12-01T07:04:00Z");
    app.post(&format!("/api/v2/holds/{token}/extend"), json!({})).await.expect(200);
    app.at("2026-12-01T07:08:00Z");
    let book = json!({ "customer_id": salon.customer, "hold_token": token });
    let body = app.post("/api/v2/bookings", book.clone()).await.expect(201);
    assert_eq!(body["booking"]["starts_at"], "2026-12-02T09:00:00Z");
    let again = app.post("/api/v2/bookings", book).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "HOLD_OVER"));
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_another_request_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let wish = salon.booking("2026-12-02T10:00:00+01:00").to_string();
    let key = [("idempotency-key", "call-1")];
    let send = async |body: &str| {
        let body = Some(body.to_owned());
        app.send(&app.key, ("POST", "/api/v2/bookings"), &key, body).await
    };
    let first = send(&wish).await.expect(201);
    let again = send(&wish).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.body["appointment_id"], first["appointment_id"]);
    let other = send(&salon.booking("2026-12-02T12:00:00+01:00").to_string()).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_books_nothing() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut wish = salon.booking("2026-12-02T10:00:00+01:00");
    wish["dry_run"] = json!(true);
    for _ in 0..2 {
        let body = app.post("/api/v2/bookings", wish.clone()).await.expect(200);
        assert_eq!(body["booking"]["price"]["amount_minor"], 4500);
    }
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    app.post("/api/v2/bookings", wish).await.expect(409);
}

#[tokio::test]
async fn lists_are_paged_and_hold_what_the_token_promises() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut booked = Vec::new();
    for hour in 10..15 {
        booked.push(salon.booked(&app, &format!("2026-12-02T{hour}:00:00+01:00")).await);
    }
    app.app.runner.settle().await.unwrap();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/api/v2/bookings?limit=2{after}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|it| it["appointment_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, booked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_shows_what_was_acknowledged_before_it_was_asked() {
    let app = TestApp::patient().await;
    let salon = app.salon(minutes(30)).await;
    let runner = app.app.runner.start(app.app.wakeups());
    for hour in 9..14 {
        let booked = salon.booked(&app, &format!("2026-12-03T{hour:02}:00:00Z")).await;
        let list = app.get("/api/v2/bookings").await.expect(200);
        let items = list["items"].as_array().unwrap();
        assert!(items.iter().any(|item| item["appointment_id"] == *booked), "{list:#}");
    }
    runner.stop().await;
}

#[tokio::test]
async fn a_list_from_and_to_holds_what_overlaps_the_time_between() {
    let app = TestApp::patient().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-02T08:00:00Z").await;
    salon.booked(&app, "2026-12-02T09:00:00Z").await;
    app.app.runner.settle().await.unwrap();
    for (from, to, expected) in [
        ("08:30", "08:45", &["08"][..]),
        ("08:59", "09:01", &["08", "09"]),
        ("09:00", "10:00", &["09"]),
        ("10:00", "11:00", &[]),
        ("07:00", "08:00", &[]),
    ] {
        let at = |time: &str| format!("2026-12-02T{time}:00Z");
        let path = format!("/api/v2/bookings?from={}&to={}", at(from), at(to));
        let body = app.get(&path).await.expect(200);
        let starts = body["items"].as_array().unwrap().iter();
        let starts: Vec<_> = starts.map(|it| &it["starts_at"].as_str().unwrap()[11..13]).collect();
        assert_eq!(starts, expected, "from {from} to {to}");
    }
}
