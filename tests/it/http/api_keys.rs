//! API keys over the API: created, rotated and revoked, never beyond what the caller may do itself.

use serde_json::{Value, json};

use super::TestApp;

const AT: &str = "/api/v2/api-keys";

async fn created(app: &TestApp, scopes: &[&str]) -> (String, String) {
    let body = json!({ "name": "till", "scopes": scopes });
    let made = app.post(AT, body).await.expect(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

async fn status(app: &TestApp, key: &str, path: &str) -> u16 {
    app.send(key, ("GET", path), &[], None).await.status.as_u16()
}

#[tokio::test]
async fn a_key_is_created_listed_rotated_and_revoked() {
    let app = TestApp::new().await;
    let (id, first) = created(&app, &["bookings:read"]).await;
    assert_eq!(status(&app, &first, "/api/v2/bookings").await, 200);
    assert_eq!(status(&app, &first, "/api/v2/customers").await, 403);
    let one = format!("{AT}/{id}");
    let shown = app.get(&one).await.expect(200);
    assert_eq!((&shown["name"], &shown["scopes"]), (&json!("till"), &json!(["bookings:read"])));
    let listed = app.get(AT).await.expect(200);
    assert!(listed["items"].as_array().unwrap().contains(&shown));
    assert!(!listed.to_string().contains(&first), "a secret is never shown again");

    let rotated =
        app.post(&format!("{one}/rotate"), json!({ "overlap_seconds": 60 })).await.expect(200);
    let second = rotated["key"].as_str().unwrap().to_owned();
    for key in [&first, &second] {
        assert_eq!(status(&app, key, "/api/v2/bookings").await, 200, "both are good for a while");
    }
    app.delete(&one, json!({ "dry_run": true })).await.expect(200);
    assert_eq!(status(&app, &second, "/api/v2/bookings").await, 200, "a dry run revokes nothing");
    app.delete(&one, json!({})).await.expect(200);
    for key in [&first, &second] {
        assert_eq!(status(&app, key, "/api/v2/bookings").await, 401, "a revoked key ends at once");
    }
    assert!(app.get(&one).await.expect(200)["revoked_at"].is_string());
}

#[tokio::test]
async fn no_key_gives_away_what_it_may_not_do() {
    let app = TestApp::new().await;
    let (_, manager) = created(&app, &["keys:write", "bookings:read"]).await;
    let (admin, _) = created(&app, &["admin"]).await;
    let (reader, _) = created(&app, &["bookings:read"]).await;
    let post = async |path: String, body: Value| {
        app.send(&manager, ("POST", &path), &[], Some(body.to_string())).await.status.as_u16()
    };
    let wanted = |scope: &str| json!({ "name": "x", "scopes": [scope] });
    assert_eq!(post(AT.to_owned(), wanted("bookings:read")).await, 201);
    for scope in ["bookings:write", "admin"] {
        assert_eq!(post(AT.to_owned(), wanted(scope)).await, 403, "{scope}");
    }
    assert_eq!(post(AT.to_owned(), wanted("bookings:fly")).await, 400);
    assert_eq!(post(format!("{AT}/{admin}/rotate"), json!({})).await, 403);
    assert_eq!(post(format!("{AT}/{reader}/rotate"), json!({})).await, 200);
    let stranger = app.tenant(&["admin"]).await;
    assert_eq!(status(&app, &stranger, &format!("{AT}/{reader}")).await, 404);
}

#[tokio::test]
async fn a_repeated_request_answers_the_same_key_without_its_secret() {
    let app = TestApp::new().await;
    let body = json!({ "name": "till", "scopes": ["bookings:read"] });
    let headers = [("idempotency-key", "k")];
    let first = app.keyed("POST", AT, &headers, body.clone()).await.expect(201);
    let again = app.keyed("POST", AT, &headers, body).await.expect(201);
    assert_eq!(first["id"], again["id"]);
    assert!(first["key"].is_string() && again["key"].is_null());
}

#[tokio::test]
async fn a_key_that_another_process_revoked_ends_within_a_second() {
    let app = TestApp::new().await;
    let (id, key) = created(&app, &["bookings:read"]).await;
    assert_eq!(status(&app, &key, "/api/v2/bookings").await, 200);
    let other = app.other_process().await;
    let revoked = std::time::Instant::now();
    let request = axum::http::Request::delete(format!("{AT}/{id}"))
        .header("authorization", format!("Bearer {}", app.key))
        .body(axum::body::Body::empty());
    let answer = tower::ServiceExt::oneshot(other, request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    while status(&app, &key, "/api/v2/bookings").await != 401 {
        assert!(revoked.elapsed().as_secs_f64() < 1.0, "the key is still good");
        tokio::task::yield_now().await;
    }
}
