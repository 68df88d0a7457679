//! The feed: whoever keeps a position misses nothing and sees nothing twice.

use axum::{body::Body, http::Request};
use daybook_domain::dispatch::CommandContext;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{TestApp, minutes};

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_and_end_at_the_head() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let (mut after, mut positions) = (0, Vec::new());
    loop {
        let page = app.get(&format!("/api/v2/events?limit=7&after={after}")).await.expect(200);
        positions.extend(items(&page).iter().map(|item| item["position"].as_u64().unwrap()));
        if after == page["next"].as_u64().unwrap() {
            assert!(items(&page).is_empty());
            break;
        }
        after = page["next"].as_u64().unwrap();
    }
    assert!(10 < positions.len());
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_filter_tells_what_was_asked_for_and_how_far_it_looked() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let booking = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let all = app.get("/api/v2/events?limit=1000").await.expect(200);
    let path = format!("/api/v2/events?types=appointment.*,phase.planned&aggregate_id={booking}");
    let page = app.get(&path).await.expect(200);
    let types: Vec<_> = items(&page).iter().map(|item| item["type"].clone()).collect();
    assert_eq!(types, ["appointment.booked"]);
    assert_eq!(page["next"], all["next"]);
    let nothing = app.get("/api/v2/events?types=nothing.ever").await.expect(200);
    assert_eq!((items(&nothing).len(), &nothing["next"]), (0, &all["next"]));
    let beyond = "after=9223372036854775808";
    for (path, field) in
        [("limit=0", "limit"), ("wait=21", "wait"), ("after=-1", "after"), (beyond, "after")]
    {
        let refused = app.get(&format!("/api/v2/events?{path}")).await.expect(400);
        assert_eq!(refused["errors"][0]["parameter"], field);
    }
}

#[tokio::test]
async fn a_client_that_waits_is_told_as_soon_as_something_happens() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let head = app.get("/api/v2/events?limit=1000").await.expect(200)["next"].clone();
    let path = format!("/api/v2/events?wait=20&after={head}&types=appointment.booked");
    let (told, _) = tokio::join!(app.get(&path), salon.booked(&app, "2026-12-02T10:00:00+01:00"));
    let told = told.expect(200);
    assert_eq!(items(&told).len(), 1);
    let silent = app.get(&format!("/api/v2/events?wait=1&after={}", told["next"])).await;
    assert_eq!(items(&silent.expect(200)).len(), 0);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_and_ends_with_the_program() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let head = app.get("/api/v2/events?limit=1000").await.expect(200)["next"].clone();
    let last = head.as_u64().unwrap() - 2;
    let request = Request::get("/api/v2/events?after=0")
        .header("authorization", format!("Bearer {}", app.key))
        .header("accept", "text/event-stream")
        .header("last-event-id", last.to_string())
        .body(Body::empty())
        .unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut chunks = answer.into_body().into_data_stream();
    let mut text = String::new();
    let mut read = async |count: usize| {
        while text.matches("\nid: ").count() + usize::from(text.starts_with("id: ")) < count
            || !text.ends_with("\n\n")
        {
            let chunk = chunks.next().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        text.clone()
    };
    let first = read(2).await;
    assert!(first.contains(&format!("id: {}\n", last + 1)), "{first}");
    assert!(first.contains(&format!("id: {}\n", last + 2)), "{first}");
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let all = read(4).await;
    assert!(all.contains("event: appointment.booked\n"), "{all}");
    app.app.close();
    let rest = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while chunks.next().await.is_some() {}
    });
    rest.await.expect("the stream ends");
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let app = TestApp::new().await;
    let key = app.tenant(&["events:read"]).await;
    let request = Request::get("/api/v2/events").header("accept", "text/event-stream");
    let request = request.header("authorization", format!("Bearer {key}"));
    let answer = app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut stream = answer.into_body().into_data_stream();
    stream.next().await.unwrap().unwrap();
    let holder = app.app.keys.holder(&key.into(), app.app.clock.now()).await.unwrap().unwrap();
    let (now, ids) = (app.app.clock.now(), app.app.ids.clone());
    let context = CommandContext::system(holder.tenant, "test", now, ids);
    app.app.keys.revoke(&context, holder.key_id, None).await.unwrap();
    // As long as a key is believed without being looked up.
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn personal_data_is_told_to_those_who_ask_for_it_and_may_see_it() {
    let mut app = TestApp::new().await;
    let may = ["catalog:write", "customers:write", "bookings:write", "events:read"];
    app.key = app.tenant(&may).await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("/api/v2/events?aggregate_id={}", salon.customer);
    let page = app.get(&path).await.expect(200);
    let data = &items(&page)[0]["data"];
    assert_eq!(data["contact"]["name"], json!({ "withheld_of": salon.customer }), "{data}");
    app.get(&format!("{path}&include_personal=true")).await.expect(403);
    app.key = app.tenant(&["admin"]).await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("/api/v2/events?include_personal=true&aggregate_id={}", salon.customer);
    let page = app.get(&path).await.expect(200);
    assert!(items(&page)[0]["data"]["contact"]["name"].is_string(), "{page:#}");
    let erase = format!("/api/v2/customers/{}/erase", salon.customer);
    app.post(&erase, json!({})).await.expect(200);
    let page = app.get(&path).await.expect(200);
    let data = &items(&page)[0]["data"];
    assert_eq!(data["contact"]["name"], json!({ "erased_of": salon.customer }));
}

#[tokio::test]
async fn nobody_follows_another_tenant() {
    let app = TestApp::new().await;
    app.salon(minutes(60)).await;
    let other = app.tenant(&["events:read"]).await;
    let page = app.send(&other, ("GET", "/api/v2/events"), &[], None).await.expect(200);
    let types: Vec<_> = items(&page).iter().map(|item| item["type"].clone()).collect();
    assert_eq!(types, ["tenant.opened", "api_key.created"]);
    let none = app.tenant(&["bookings:read"]).await;
    app.send(&none, ("GET", "/api/v2/events"), &[], None).await.expect(403);
}
