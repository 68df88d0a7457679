//! What was acknowledged is seen by the next question, although it names no position.

use axum::Router;
use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

fn question(salon: &Salon, service: &str) -> Value {
    json!({ "service_id": service, "branch_id": salon.branch, "date_from": "2026-12-02",
            "date_to": "2026-12-02" })
}

/// Defines services and asks for each at once; answers how many were unknown.
async fn unknown_services(app: &TestApp, salon: &Salon, reader: Option<&Router>) -> usize {
    let mut unknown = 0;
    for number in 0..30 {
        let name = format!("Service {number}");
        let service =
            app.service(&salon.company, &name, minutes(30), json!({}), &salon.staff).await;
        let (path, body) = ("/api/v2/availability/search", question(salon, &service));
        let answer = match reader {
            Some(router) => app.post_to(router, path, body).await,
            None => app.post(path, body).await,
        };
        if answer.status.as_u16() == 404 {
            unknown += 1;
            continue;
        }
        let body = answer.expect(200);
        let is_offered = !body["slots"].as_array().unwrap().is_empty();
        assert!(is_offered, "the assignment of {name} was not seen");
    }
    unknown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn availability_knows_a_service_that_was_just_defined() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let runner = app.app.runner.start(app.app.wakeups());
    app.app.runner.settle().await.unwrap();
    assert_eq!(unknown_services(&app, &salon, None).await, 0);
    runner.stop().await;
}

#[tokio::test]
async fn availability_of_another_process_knows_a_service_that_was_just_defined() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let other = app.other_process().await;
    assert_eq!(unknown_services(&app, &salon, Some(&other)).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booked_place_is_gone_at_once_and_back_when_it_is_cancelled() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let runner = app.app.runner.start(app.app.wakeups());
    let day = json!({ "service_id": salon.service, "staff_id": salon.staff[0],
                      "branch_id": salon.branch, "date": "2026-12-02" });
    let first = async || {
        let body = app.post("/api/v2/availability/simple", day.clone()).await.expect(200);
        body["slots"][0]["starts_at"].as_str().unwrap().to_owned()
    };
    for _ in 0..10 {
        assert_eq!(first().await, "2026-12-02T08:00:00Z");
        let id = salon.booked(&app, "2026-12-02T08:00:00Z").await;
        assert_eq!(first().await, "2026-12-02T09:00:00Z");
        app.post(&format!("/api/v2/bookings/{id}/cancel"), json!({})).await.expect(200);
    }
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_and_the_assignments_show_what_was_just_saved() {
    let app = TestApp::patient().await;
    let salon = app.salon(minutes(30)).await;
    let runner = app.app.runner.start(app.app.wakeups());
    for number in 0..5 {
        let name = format!("Service {number}");
        let service =
            app.service(&salon.company, &name, minutes(30), json!({}), &salon.staff).await;
        let matrix = format!("/api/event-management/staff-event-matrix/{}", salon.company);
        let body = app.get(&matrix).await.expect(200);
        let services = body["services"].as_array().unwrap();
        assert!(services.iter().any(|it| it["id"] == *service), "{body:#}");
        let of = format!("/api/v2/staff-service-assignments?staff_id={}", salon.staff[0]);
        let body = app.get(&of).await.expect(200);
        let items = body["items"].as_array().unwrap();
        assert!(items.iter().any(|it| it["service_id"] == *service), "{body:#}");
    }
    runner.stop().await;
}
