//! Series between four and fifty-two occurrences, with skips, moves and cancellations.

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

fn weekly(salon: &Salon, count: u16) -> Value {
    json!({ "customer_id": salon.customer, "service_id": salon.service,
        "staff_id": salon.staff[0], "branch_id": salon.branch, "zone": "Europe/Berlin",
        "starts_at_local": "2026-12-02T10:00:00", "rrule": format!("FREQ=WEEKLY;COUNT={count}") })
}

#[tokio::test]
async fn a_series_has_four_to_fifty_two_occurrences() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for count in [3, 53] {
        let answer = app.post("/api/v2/series", weekly(&salon, count)).await;
        assert!(answer.status.is_client_error(), "{count}: {:#}", answer.body);
    }
    let body = app.post("/api/v2/series", weekly(&salon, 52)).await.expect(201);
    let occurrences = body["series"]["occurrences"].as_array().unwrap();
    assert_eq!(occurrences.len(), 52);
    // Ten o'clock in Berlin is nine in winter and eight in summer.
    assert_eq!(occurrences[0]["starts_at"], "2026-12-02T09:00:00Z");
    assert_eq!(occurrences[20]["starts_at"], "2027-04-21T08:00:00Z");
}

#[tokio::test]
async fn a_taken_place_refuses_a_series_or_is_left_out() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-09T10:30:00+01:00").await;
    let refused = app.post("/api/v2/series", weekly(&salon, 4)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "APPOINTMENT_CONFLICT"));
    assert_eq!(refused.body["error"]["details"]["occurrence"], 2);
    let mut lenient = weekly(&salon, 4);
    lenient["skip_conflicts"] = json!(true);
    // Three that can be booked are fewer than four.
    let refused = app.post("/api/v2/series", lenient.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "SERIES_TOO_SHORT"));
    lenient["rrule"] = json!("FREQ=WEEKLY;COUNT=5");
    let body = app.post("/api/v2/series", lenient).await.expect(201);
    let left_out: Vec<_> = body["series"]["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["appointment_id"].is_null())
        .collect();
    assert_eq!(left_out, [false, true, false, false, false]);
}

#[tokio::test]
async fn two_occurrences_may_be_skipped_and_the_third_skip_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let body = app.post("/api/v2/series", weekly(&salon, 6)).await.expect(201);
    let series = body["series"]["series_id"].as_str().unwrap();
    let path =
        |number: u16, what: &str| format!("/api/v2/series/{series}/occurrences/{number}/{what}");
    for number in [2, 3] {
        app.post(&path(number, "skip"), json!({})).await.expect(200);
    }
    app.post(&path(4, "skip"), json!({})).await.expect(422);
    let to = json!({ "new_starts_at": "2026-12-23T12:00:00+01:00" });
    app.post(&path(4, "move"), to).await.expect(200);
    let shown = app.get(&format!("/api/v2/series/{series}")).await.expect(200);
    assert_eq!(shown["occurrences"][3]["starts_at"], "2026-12-23T11:00:00Z");
    assert_eq!(shown["skips"], 2);
    salon.booked(&app, "2026-12-09T10:00:00+01:00").await;
}

/// A series of six in December, and its appointments.
async fn six(app: &TestApp, salon: &Salon) -> (String, Vec<String>) {
    let body = app.post("/api/v2/series", weekly(salon, 6)).await.expect(201);
    let series = body["series"]["series_id"].as_str().unwrap().to_owned();
    let occurrences = body["series"]["occurrences"].as_array().unwrap();
    let id = |it: &Value| it["appointment_id"].as_str().unwrap().to_owned();
    (series, occurrences.iter().map(id).collect())
}

async fn statuses(app: &TestApp, series: &str) -> Vec<String> {
    let body = app.get(&format!("/api/v2/series/{series}")).await.expect(200);
    let occurrences = body["occurrences"].as_array().unwrap();
    occurrences.iter().map(|it| it["status"].as_str().unwrap().to_owned()).collect()
}

async fn policies(app: &TestApp, salon: &Salon, policies: Value) {
    app.put(&format!("/api/v2/companies/{}/policies", salon.company), policies).await.expect(200);
}

#[tokio::test]
async fn cancelling_a_series_judges_each_appointment_as_it_is_now() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let (series, ids) = six(&app, &salon).await;
    let booking = |number: usize, step: &str| format!("/api/v2/bookings/{}/{step}", ids[number]);
    let to = |at: &str| json!({ "new_starts_at": at });
    // The first has begun early, the second was moved ahead of it, the third was cancelled by itself,
    // the fourth was moved to where the series is over.
    app.post(&booking(0, "start"), json!({})).await.expect(200);
    app.patch(&booking(1, "reschedule"), to("2026-12-01T10:00:00+01:00")).await.expect(200);
    app.post(&booking(2, "cancel"), json!({})).await.expect(200);
    app.patch(&booking(3, "reschedule"), to("2027-03-03T10:00:00+01:00")).await.expect(200);
    app.at("2026-12-01T12:00:00Z");
    let shown = app.get(&format!("/api/v2/series/{series}")).await.expect(200);
    let fourth = &shown["occurrences"][3];
    assert_eq!(fourth["starts_at"], "2027-03-03T09:00:00Z");
    assert_eq!(fourth["planned_starts_at"], "2026-12-23T09:00:00Z");

    let body = app.post(&format!("/api/v2/series/{series}/cancel"), json!({})).await.expect(200);
    let answer = &body["series"];
    assert_eq!(answer["cancelled"], json!([4, 5, 6]));
    assert_eq!(answer["is_cancelled"], true);
    let expected = ["in_progress", "confirmed", "cancelled", "cancelled", "cancelled", "cancelled"];
    assert_eq!(statuses(&app, &series).await, expected);
    // Again is quiet.
    let body = app.post(&format!("/api/v2/series/{series}/cancel"), json!({})).await.expect(200);
    assert_eq!(
        (&body["series"]["cancelled"], &body["series"]["total_fee"]),
        (&json!([]), &json!(null))
    );
}

#[tokio::test]
async fn rejected_occurrences_do_not_make_the_cancellation_of_a_series_fail() {
    let app = TestApp::new().await;
    let mut salon = app.salon(minutes(60)).await;
    let rules = json!({ "requires_confirmation": true });
    salon.service =
        app.service(&salon.company, "Asked for", minutes(30), rules, &salon.staff).await;
    let (series, ids) = six(&app, &salon).await;
    app.post(&format!("/api/v2/bookings/{}/reject", ids[2]), json!({})).await.expect(200);
    let skip = format!("/api/v2/series/{series}/occurrences/3/skip");
    let refused = app.post(&skip, json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "OCCURRENCE_NOT_PLANNED"));
    let to = json!({ "new_starts_at": "2026-12-16T12:00:00+01:00" });
    let moved = app.post(&format!("/api/v2/series/{series}/occurrences/3/move"), to).await;
    assert_eq!((moved.status.as_u16(), moved.code()), (409, "OCCURRENCE_NOT_PLANNED"));
    app.post(&format!("/api/v2/series/{series}/cancel"), json!({})).await.expect(200);
    let expected = ["cancelled", "cancelled", "rejected", "cancelled", "cancelled", "cancelled"];
    assert_eq!(statuses(&app, &series).await, expected);
}

#[tokio::test]
async fn the_answer_and_the_dry_run_say_what_each_cancelled_occurrence_costs() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let terms = json!({ "cancellation": { "min_hours_notice": 24, "fee": { "percent": 50 },
        "max_free_per_month": 2, "violation_action": "charge_fee" } });
    policies(&app, &salon, terms).await;
    let (series, _) = six(&app, &salon).await;
    let path = format!("/api/v2/series/{series}/cancel");
    let dry = app.post(&path, json!({ "dry_run": true })).await.expect(200);
    assert_eq!(statuses(&app, &series).await, ["confirmed"; 6], "a dry run cancels nothing");
    let body = app.post(&path, json!({})).await.expect(200);
    for body in [dry, body] {
        let fees = body["series"]["occurrences"].as_array().unwrap().iter();
        let fees: Vec<_> = fees.map(|it| it["policy"]["fee"]["amount_minor"].clone()).collect();
        assert_eq!(fees, [0, 0, 2250, 2250, 2250, 2250]);
        assert_eq!(body["series"]["total_fee"], json!({ "amount_minor": 9000, "currency": "EUR" }));
    }
}

#[tokio::test]
async fn what_the_terms_block_stays_and_is_named() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let terms = json!({ "cancellation": { "min_hours_notice": 24, "max_free_per_month": 2,
        "violation_action": "block" } });
    policies(&app, &salon, terms).await;
    let (series, _) = six(&app, &salon).await;
    let path = format!("/api/v2/series/{series}/cancel");
    let body = app.post(&path, json!({})).await.expect(200);
    let answer = &body["series"];
    assert_eq!((&answer["cancelled"], &answer["blocked"]), (&json!([1, 2]), &json!([3, 4, 5, 6])));
    assert_eq!(answer["is_cancelled"], false);
    assert_eq!(answer["occurrences"][2]["policy"]["policy_check"], "blocked");
    // Nothing more can be cancelled this month, and the refusal says what stands against each.
    let refused = app.post(&path, json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "POLICY_BLOCKED"));
    assert_eq!(refused.body["error"]["details"]["blocked"].as_array().unwrap().len(), 4);
    // In another month it is free again, and what is over by then is no matter of it.
    app.at("2027-01-01T08:00:00Z");
    let body = app.post(&path, json!({})).await.expect(200);
    let answer = &body["series"];
    assert_eq!((&answer["cancelled"], &answer["is_cancelled"]), (&json!([6]), &json!(true)));
}

#[tokio::test]
async fn an_allowed_skip_is_no_cancellation() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    // Whoever cancels at all is blocked.
    let terms = json!({ "cancellation": { "min_hours_notice": 8760, "max_free_per_month": 0,
        "fee": { "percent": 50 }, "violation_action": "block" } });
    policies(&app, &salon, terms).await;
    let (series, ids) = six(&app, &salon).await;
    let skip = format!("/api/v2/series/{series}/occurrences/2/skip");
    for _ in 0..2 {
        let body = app.post(&skip, json!({ "reason": "On holiday" })).await.expect(200);
        assert_eq!(body["booking"]["status"], "cancelled");
        assert_eq!(body["policy"], json!(null), "no terms are judged");
    }
    let history = app.get(&format!("/api/v2/bookings/{}/history", ids[1])).await.expect(200);
    let types: Vec<_> = history["items"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(types, ["appointment.booked", "appointment.skipped"]);
    assert_eq!(statuses(&app, &series).await[1], "skipped");
    app.app.runner.settle().await.unwrap();
    let rows = app.get(&format!("/api/v2/bookings?series_id={series}")).await.expect(200);
    let row = &rows["items"][1];
    let counted = (&row["status"], &row["modifications"], &row["policy_violations"]);
    assert_eq!(counted, (&json!("cancelled"), &json!(0), &json!(0)));
    // The time is free again.
    salon.booked(&app, "2026-12-09T10:00:00+01:00").await;
    // What has begun is not skipped any more.
    app.at("2026-12-02T09:00:00Z");
    let late = app.post(&format!("/api/v2/series/{series}/occurrences/1/skip"), json!({})).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "OCCURRENCE_HAS_BEGUN"));
}

#[tokio::test]
async fn a_first_start_that_the_rule_does_not_produce_is_refused_with_the_one_that_it_does() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for rule in ["FREQ=WEEKLY;BYDAY=MO;COUNT=4", "FREQ=DAILY;BYHOUR=15;COUNT=4"] {
        let mut body = weekly(&salon, 4);
        body["rrule"] = json!(rule);
        let refused = app.post("/api/v2/series", body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "VALIDATION_ERROR"), "{rule}");
        assert!(refused.text.contains("starts_at_local"), "{:#}", refused.body);
    }
}

#[tokio::test]
async fn a_series_of_which_nothing_can_be_booked_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    policies(&app, &salon, json!({ "recurring": { "min_length": 1 } })).await;
    for day in ["02", "09", "16", "23"] {
        salon.booked(&app, &format!("2026-12-{day}T10:00:00+01:00")).await;
    }
    let mut lenient = weekly(&salon, 4);
    lenient["skip_conflicts"] = json!(true);
    let refused = app.post("/api/v2/series", lenient).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "APPOINTMENT_CONFLICT"));
    assert_eq!(refused.body["error"]["details"]["occurrence"], 1);
}

#[tokio::test]
async fn added_and_excluded_dates_are_booked_and_left_out() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut body = weekly(&salon, 5);
    body["except"] = json!(["2026-12-09T10:00:00"]);
    body["also"] = json!(["2026-12-10T11:00:00", "2026-12-16T10:00:00"]);
    let answer = app.post("/api/v2/series", body).await.expect(201);
    let occurrences = answer["series"]["occurrences"].as_array().unwrap();
    let starts: Vec<_> = occurrences.iter().map(|it| it["starts_at"].as_str().unwrap()).collect();
    let expected = [
        "2026-12-02T09:00:00Z",
        "2026-12-10T10:00:00Z",
        "2026-12-16T09:00:00Z",
        "2026-12-23T09:00:00Z",
        "2026-12-30T09:00:00Z",
    ];
    assert_eq!(starts, expected);
    let mut early = weekly(&salon, 5);
    early["also"] = json!(["2026-12-01T18:00:00"]);
    let refused = app.post("/api/v2/series", early).await;
    assert_eq!(refused.status.as_u16(), 400, "{:#}", refused.body);
}
