//! Series between four and fifty-two occurrences, with skips and moves.

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
    let body = app.post("/api/v2/series", lenient).await.expect(201);
    let left_out: Vec<_> = body["series"]["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["appointment_id"].is_null())
        .collect();
    assert_eq!(left_out, [false, true, false, false]);
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
