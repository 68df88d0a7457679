//! One engine behind every surface.

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

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
    let same = app.everywhere(&salon, "2026-12-02", Some(60)).await;
    assert_eq!(same.len(), 5);
    for (surface, answer) in same {
        assert_eq!(instants(&answer), instants(&body), "{surface}");
    }
}

impl TestApp {
    /// What each surface offers on a date with the first staff member, in so many minutes.
    async fn everywhere(
        &self,
        salon: &Salon,
        date: &str,
        minutes: Option<u16>,
    ) -> Vec<(&'static str, Value)> {
        let place = json!({ "staff_id": salon.staff[0] });
        let with = |more: Value| {
            let mut body = place.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let (service, from) = (&salon.service, format!("{date}T00:00:00+01:00"));
        let questions = [
            (
                "/api/v2/availability/simple",
                json!({ "service_id": service, "date": date, "duration_minutes": minutes }),
            ),
            (
                "/api/v2/availability/composite",
                json!({ "date": date,
                        "services": [{ "service_id": service, "duration_minutes": minutes }] }),
            ),
            (
                "/api/v2/availability/search",
                json!({ "service_id": service, "date_from": date, "date_to": date,
                        "duration_minutes": minutes, "limit": 1000 }),
            ),
            (
                "/api/event-management/check-availability",
                json!({ "event_type_id": service, "date_from": date, "date_to": date,
                        "duration_minutes": minutes }),
            ),
            (
                "/api/v2/availability/next",
                json!({ "service_id": service, "from": from, "duration_minutes": minutes,
                        "count": 50 }),
            ),
        ];
        let mut answers = Vec::new();
        for (path, question) in questions {
            let mut body = self.post(path, with(question)).await.expect(200);
            // The next places know no end of the day.
            let slots = body["slots"].as_array_mut().unwrap();
            slots.retain(|slot| slot["starts_at"].as_str().unwrap().starts_with(date));
            answers.push((path, body));
        }
        answers
    }
}

#[tokio::test]
async fn what_is_offered_in_a_duration_is_booked_in_it_and_nothing_else_is_offered() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for (surface, answer) in app.everywhere(&salon, "2026-12-02", Some(30)).await {
        assert_eq!(answer["slots"], json!([]), "{surface}");
        assert_eq!(answer["reasons"][0]["code"], "DURATION_NOT_ADJUSTABLE", "{surface}");
    }
    let mut wish = salon.booking("2026-12-02T10:00:00+01:00");
    wish["duration_minutes"] = json!(30);
    let refused = app.post("/api/v2/bookings", wish.clone()).await.expect(409);
    assert!(refused.to_string().contains("DURATION_NOT_ADJUSTABLE"), "{refused:#}");
    let rules = json!({ "duration": { "from_min": 30, "to_min": 120, "step_min": 30,
                                      "price": "per_minute" } });
    let anna = &salon.staff[..1];
    let service = app.service(&salon.company, "Massage", minutes(60), rules, anna).await;
    let salon = Salon { service, ..salon };
    wish["service_id"] = json!(salon.service);
    for (surface, answer) in app.everywhere(&salon, "2026-12-02", Some(90)).await {
        let slots = answer["slots"].as_array().unwrap();
        assert_eq!(slots.len(), 31, "{surface}: from nine to half past four");
        let last = slots.last().unwrap();
        assert_eq!(last["ends_at"], "2026-12-02T17:00:00Z", "{surface}");
    }
    for minutes in [45, 150] {
        wish["duration_minutes"] = json!(minutes);
        let refused = app.post("/api/v2/bookings", wish.clone()).await.expect(409);
        assert!(refused.to_string().contains("DURATION_OUT_OF_RANGE"), "{refused:#}");
    }
    wish["duration_minutes"] = json!(7);
    app.post("/api/v2/bookings", wish.clone()).await.expect(400);
    wish["duration_minutes"] = json!(90);
    let booked = app.post("/api/v2/bookings", wish.clone()).await.expect(201);
    assert_eq!(booked["booking"]["ends_at"], "2026-12-02T10:30:00Z");
    assert_eq!(booked["booking"]["price"]["amount_minor"], 6750);
    // A hold, a series and a move keep the duration.
    let id = booked["appointment_id"].as_str().unwrap();
    let path = format!("/api/v2/bookings/{id}/reschedule");
    let moved = json!({ "new_starts_at": "2026-12-02T15:00:00+01:00" });
    let moved = app.patch(&path, moved).await.expect(200);
    assert_eq!(moved["booking"]["ends_at"], "2026-12-02T15:30:00Z");
    wish.as_object_mut().unwrap().remove("customer_id");
    let held = app.post("/api/v2/holds", wish).await.expect(201);
    assert_eq!(held["ends_at"], "2026-12-02T10:30:00Z");
    let book = json!({ "customer_id": salon.customer, "hold_token": held["hold_token"] });
    let booked = app.post("/api/v2/bookings", book).await.expect(201);
    assert_eq!(booked["booking"]["price"]["amount_minor"], 6750);
    let series = json!({ "customer_id": salon.customer, "branch_id": salon.branch,
        "services": [{ "service_id": salon.service, "duration_minutes": 120 }],
        "starts_at_local": "2026-12-07T10:00:00", "zone": "Europe/Berlin",
        "rrule": "FREQ=WEEKLY;COUNT=2" });
    let series = app.post("/api/v2/series", series).await.expect(201);
    let id = series["series"]["occurrences"][1]["appointment_id"].as_str().unwrap();
    let booking = app.get(&format!("/api/v2/bookings/{id}")).await.expect(200);
    assert_eq!(booking["ends_at"], "2026-12-14T11:00:00Z");
    assert_eq!(booking["price"]["amount_minor"], 9000);
}

#[tokio::test]
async fn a_date_is_the_local_day_of_each_branch() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let zone = "America/New_York";
    let away = json!({ "company_id": salon.company, "name": "Brooklyn", "zone": zone });
    let away = app.made("branches", away).await;
    let all_day = json!({ "open": [{ "from": "00:00", "to": "24:00" }] });
    for branch in [&salon.branch, &away] {
        let hours = json!({ "weekly": { "3": all_day } });
        app.put(&format!("/api/v2/branches/{branch}/hours"), hours).await.expect(200);
    }
    let carla = json!({ "company_id": salon.company, "name": "Carla", "branches": [away],
                        "zone": zone });
    let carla = app.made("staff", carla).await;
    let staff = [salon.staff[0].clone(), carla];
    let hourly = json!({ "grid_min": 60 });
    let service = app.service(&salon.company, "Style", minutes(60), hourly, &staff).await;
    let date = "2026-12-02";
    let search = json!({ "service_id": service, "date_from": date, "date_to": date,
                         "limit": 1000 });
    let check = json!({ "event_type_id": service, "date_from": date, "date_to": date });
    for (path, question) in [
        ("/api/v2/availability/search", search),
        ("/api/event-management/check-availability", check),
        ("/api/v2/availability/simple", json!({ "service_id": service, "date": date })),
    ] {
        let body = app.post(path, question).await.expect(200);
        let slots = body["slots"].as_array().unwrap();
        for (branch, first, last) in [
            (&salon.branch, "2026-12-01T23:00:00Z", "2026-12-02T22:00:00Z"),
            (&away, "2026-12-02T05:00:00Z", "2026-12-03T04:00:00Z"),
        ] {
            let starts: Vec<_> = slots.iter().filter(|it| it["branch_id"] == **branch).collect();
            assert_eq!(starts.len(), 24, "{path}");
            assert_eq!(starts[0]["starts_at"], first, "{path}");
            assert_eq!(starts[23]["starts_at"], last, "{path}");
        }
    }
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

#[tokio::test]
async fn the_last_day_of_a_booking_window_is_offered_and_booked_and_the_next_is_not() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let anna = &salon.staff[..1];
    // 366 days are 2027-12-02, a Thursday; 730 are 2028-11-30, a Thursday.
    for (days, last, next) in [(366, "2027-12-02", "2027-12-03"), (730, "2028-11-30", "2028-12-01")]
    {
        let rules = json!({ "max_advance_days": days, "grid_min": 60 });
        let name = format!("In {days} days");
        let service = app.service(&salon.company, &name, minutes(60), rules, anna).await;
        for (date, count, status) in [(last, 9, 201), (next, 0, 409)] {
            let search =
                json!({ "service_id": service, "date_from": date, "date_to": date, "limit": 1000 });
            let body = app.post("/api/v2/availability/search", search).await.expect(200);
            assert_eq!(body["slots"].as_array().unwrap().len(), count, "{date}");
            let mut wish = salon.booking(&format!("{date}T10:00:00+01:00"));
            wish["service_id"] = json!(service);
            app.post("/api/v2/bookings", wish).await.expect(status);
        }
    }
}

#[tokio::test]
async fn offers_are_scored_and_sorted_by_what_the_service_prefers() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let rules = json!({ "grid_min": 60, "grid_from": "opening", "snap": true, "min_gap_min": 60,
                        "prefer_adjacent": true });
    let anna = &salon.staff[..1];
    let service = app.service(&salon.company, "Style", minutes(60), rules, anna).await;
    let mut wish = salon.booking("2026-12-02T12:00:00+01:00");
    wish["service_id"] = json!(service);
    app.post("/api/v2/bookings", wish).await.expect(201);
    let search = json!({ "service_id": service, "date_from": "2026-12-02",
                         "date_to": "2026-12-02", "sort": "score", "limit": 3 });
    let body = app.post("/api/v2/availability/search", search.clone()).await.expect(200);
    let offers = body["slots"].as_array().unwrap().iter();
    let offers: Vec<_> =
        offers.map(|it| (&it["starts_at"].as_str().unwrap()[11..16], &it["score"])).collect();
    assert_eq!(offers, [("10:00", &json!(75)), ("12:00", &json!(75)), ("08:00", &json!(50))]);
    let mut long = search;
    long["date_to"] = json!("2027-01-03");
    app.post("/api/v2/availability/search", long).await.expect(400);
}
