//! AT-58 through the router: limits, and what a client is told of them.

use serde_json::json;

use super::TestApp;

#[tokio::test]
async fn the_first_request_above_a_limit_is_told_when_to_come_back() {
    let app = TestApp::limited().await;
    let id = "01900000-0000-7000-8000-000000000000";
    for (method, path, limit) in [
        ("POST", "/api/v2/bookings".to_owned(), 30),
        ("PATCH", format!("/api/v2/bookings/{id}/reschedule"), 10),
        ("DELETE", format!("/api/v2/bookings/{id}"), 10),
        ("POST", "/api/v2/availability/next".to_owned(), 60),
    ] {
        let key = app.tenant(&["admin"]).await;
        let ask = async || app.send(&key, (method, &path), &[], Some(json!({}).to_string())).await;
        for used in 1..=limit {
            let answer = ask().await;
            assert_ne!(answer.status.as_u16(), 429, "{method} {path} {used}");
            assert_eq!(answer.headers["x-ratelimit-limit"], limit.to_string().as_str());
            let left = answer.headers["x-ratelimit-remaining"].to_str().unwrap();
            assert!(limit - used <= left.parse::<i32>().unwrap(), "{used} used, {left} left");
        }
        // A slow machine earns a few more while it asks; it does not earn as many again.
        let mut answer = ask().await;
        for _ in 0..limit {
            if answer.status.as_u16() == 429 {
                break;
            }
            answer = ask().await;
        }
        assert_eq!((answer.status.as_u16(), answer.code()), (429, "RATE_LIMITED"), "{path}");
        assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
        let reset = answer.headers["x-ratelimit-reset"].to_str().unwrap();
        assert!(1_796_108_400 < reset.parse::<u64>().unwrap(), "{reset}");
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(answer.body["error"]["details"]["retry_after"], wait);
    }
}

#[tokio::test]
async fn strangers_are_limited_and_those_with_a_key_are_not_held_to_that() {
    let app = TestApp::limited().await;
    let list = ("GET", "/api/v2/bookings");
    for _ in 0..60 {
        let answer = app.send("dbk_wrong", list, &[], None).await;
        assert_eq!(answer.status.as_u16(), 401);
        assert_eq!(answer.headers["x-ratelimit-limit"], "60");
    }
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    let mut refused = app.send("dbk_wrong", list, &forwarded, None).await;
    for _ in 0..60 {
        if refused.status.as_u16() == 429 {
            break;
        }
        refused = app.send("dbk_wrong", list, &forwarded, None).await;
    }
    assert_eq!(refused.status.as_u16(), 429, "whoever is not trusted cannot change its address");
    assert_eq!(app.send(&app.key, list, &[], None).await.status.as_u16(), 200);
}
