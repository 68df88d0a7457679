//! One event that cannot be read takes away what it belongs to, and nothing else.

use daybook_adapters::clock::RandomIds;
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
};
use serde_json::{Value, json};

use super::{TestApp, minutes};

const METADATA: &str =
    r#"{"actor":"key:1","at":"2026-12-01T06:00:00Z","correlation_id":"r1","source":"api"}"#;

async fn tenant(app: &TestApp) -> TenantId {
    let heads = app.app.dispatcher.log().heads(None, 10).await.unwrap();
    heads.iter().max_by_key(|head| head.position).unwrap().tenant
}

/// Appends an event of a version that nobody knows.
async fn poison(app: &TestApp, stream: StreamId, event_type: &'static str) {
    let event = EventData {
        event_id: RandomIds.next_id(),
        event_type: event_type.into(),
        event_version: "99.0.0".into(),
        payload: json!({ "type": "of the future" }).to_string(),
        metadata: METADATA.into(),
    };
    let writes = vec![StreamWrite { stream, expected: ExpectedRevision::Any, events: vec![event] }];
    let tenant = tenant(app).await;
    let append = Append { tenant, command: None, writes, unchanged: Vec::new() };
    app.app.dispatcher.log().append(append).await.unwrap();
}

fn staff_of(found: &Value) -> Vec<&str> {
    let slots = found["slots"].as_array().unwrap();
    let mut staff: Vec<_> = slots.iter().map(|slot| slot["staff_id"].as_str().unwrap()).collect();
    staff.sort_unstable();
    staff.dedup();
    staff
}

#[tokio::test]
async fn a_day_with_an_unreadable_event_is_unknown_and_everything_else_goes_on() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let (anna, bela) = (salon.staff[0].as_str(), salon.staff[1].as_str());
    let day = StreamId::new("calendar_day", format!("staff:{anna}:2026-12-02"));
    poison(&app, day, "calendar_day.claimed").await;
    // In memory, and made anew beside a projector that has parked the day.
    for is_anew in [false, true] {
        if is_anew {
            app.app.runner.settle().await.unwrap();
            app.app.worlds.forget(tenant(&app).await);
        }
        let on = |date: &str, staff: Option<&str>| {
            json!({ "service_id": salon.service, "branch_id": salon.branch, "date_from": date,
                    "date_to": date, "staff_id": staff, "limit": 1000 })
        };
        let search = "/api/v2/availability/search";
        let found = app.post(search, on("2026-12-02", None)).await.expect(200);
        assert_eq!(staff_of(&found), [bela]);
        let found = app.post(search, on("2026-12-02", Some(anna))).await.expect(200);
        assert_eq!(found["slots"], json!([]));
        let found = app.post(search, on("2026-12-03", Some(anna))).await.expect(200);
        assert_eq!(staff_of(&found), [anna]);
        let explain = json!({ "service_id": salon.service, "branch_id": salon.branch,
            "staff_id": anna, "starts_at": "2026-12-02T14:00:00+01:00" });
        let explained = app.post("/api/v2/availability/explain", explain).await.expect(200);
        assert_eq!(explained["answer"]["reasons"][0]["code"], "CALENDAR_UNREADABLE");
    }
    let refused = app.post("/api/v2/bookings", salon.booking("2026-12-02T14:00:00+01:00")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "CALENDAR_UNREADABLE"));
    let mut anybody = salon.booking("2026-12-02T14:00:00+01:00");
    anybody.as_object_mut().unwrap().remove("staff_id");
    let booked = app.post("/api/v2/bookings", anybody).await.expect(201);
    assert_eq!(booked["booking"]["staff_id"], bela);
    salon.booked(&app, "2026-12-03T10:00:00+01:00").await;
}

#[tokio::test]
async fn an_unreadable_event_of_a_record_leaves_the_other_records_bookable() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let anna = salon.staff[0].as_str();
    poison(&app, StreamId::new("staff", anna), "staff.changed").await;
    let refused = app.post("/api/v2/bookings", salon.booking("2026-12-02T14:00:00+01:00")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "CALENDAR_UNREADABLE"));
    let search = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "date_from": "2026-12-02", "date_to": "2026-12-02" });
    let found = app.post("/api/v2/availability/search", search.clone()).await.expect(200);
    assert_eq!(staff_of(&found), [salon.staff[1].as_str()]);
    poison(&app, StreamId::new("service", salon.service.as_str()), "service.changed").await;
    let refused = app.post("/api/v2/bookings", salon.booking("2026-12-02T14:00:00+01:00")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "RECORD_UNREADABLE"));
    let other = app.service(&salon.company, "Dye", minutes(30), json!({}), &salon.staff[1..]).await;
    let mut booking = salon.booking("2026-12-02T14:00:00+01:00");
    (booking["service_id"], booking["staff_id"]) = (json!(other), json!(salon.staff[1]));
    app.post("/api/v2/bookings", booking).await.expect(201);
}

#[tokio::test]
async fn the_feed_marks_an_event_that_cannot_be_decoded_and_goes_past_it() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let day = format!("staff:{}:2026-12-02", salon.staff[1]);
    poison(&app, StreamId::new("calendar_day", day), "calendar_day.claimed").await;
    poison(&app, StreamId::new("of_the_future", "1"), "of_the_future.begun").await;
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let page = app.get("/api/v2/events?limit=1000").await.expect(200);
    let items = page["items"].as_array().unwrap();
    let marked: Vec<_> = items.iter().filter(|item| item["is_undecodable"] == true).collect();
    let types: Vec<_> = marked.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["calendar_day.claimed", "of_the_future.begun"]);
    assert_eq!(marked[0]["data"]["type"], "of the future");
    assert!(items.iter().any(|item| item["type"] == "appointment.booked"));
    let positions: Vec<_> = items.iter().map(|item| item["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
}
