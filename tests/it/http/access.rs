//! Keys, scopes, and the wall between tenants.

use serde_json::json;

use super::{TestApp, minutes};

#[tokio::test]
async fn another_tenant_sees_nothing_and_can_change_nothing() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-10T10:00:00+01:00").await;
    let stranger = app.tenant(&["admin"]).await;
    app.app.runner.settle().await.unwrap();
    let things = [
        format!("companies/{}", salon.company),
        format!("branches/{}", salon.branch),
        format!("staff/{}", salon.staff[0]),
        format!("services/{}", salon.service),
        format!("customers/{}", salon.customer),
        format!("bookings/{id}"),
        format!("bookings/{id}/history"),
    ];
    for thing in &things {
        let path = format!("/api/v2/{thing}");
        assert_eq!(app.get(&path).await.status.as_u16(), 200, "{thing}");
        let seen = app.send(&stranger, ("GET", &path), &[], None).await;
        assert_eq!(seen.status.as_u16(), 404, "{thing}");
    }
    for kind in ["companies", "branches", "staff", "services", "customers", "bookings"] {
        let path = format!("/api/v2/{kind}");
        let ours = app.get(&path).await.expect(200);
        assert_ne!(ours["items"], json!([]), "{kind}");
        let theirs = app.send(&stranger, ("GET", &path), &[], None).await.expect(200);
        assert_eq!(theirs["items"], json!([]), "{kind}");
    }
    let wish = salon.booking("2026-12-10T12:00:00+01:00").to_string();
    let changes = [
        ("POST", "/api/v2/bookings".to_owned(), wish),
        ("POST", format!("/api/v2/bookings/{id}/cancel"), "{}".to_owned()),
        ("POST", format!("/api/v2/services/{}/deactivate", salon.service), "{}".to_owned()),
        ("POST", format!("/api/v2/customers/{}/erase", salon.customer), "{}".to_owned()),
    ];
    for (method, path, body) in changes {
        let answer = app.send(&stranger, (method, &path), &[], Some(body)).await;
        assert_eq!(answer.status.as_u16(), 404, "{path} {:#}", answer.body);
    }
    let booking = app.get(&format!("/api/v2/bookings/{id}")).await.expect(200);
    assert_eq!(booking["status"], "confirmed");
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_until_it_ends() {
    let app = TestApp::new().await;
    let reader = app.tenant(&["bookings:read"]).await;
    let list = ("GET", "/api/v2/bookings");
    assert_eq!(app.send(&reader, list, &[], None).await.status.as_u16(), 200);
    let staff = app.send(&reader, ("GET", "/api/v2/staff"), &[], None).await;
    assert_eq!((staff.status.as_u16(), staff.code()), (403, "FORBIDDEN"));
    for key in ["", "nonsense"] {
        assert_eq!(app.send(key, list, &[], None).await.status.as_u16(), 401, "{key}");
    }
}

#[tokio::test]
async fn health_needs_no_key_and_every_answer_carries_a_request_id_and_safe_headers() {
    let app = TestApp::new().await;
    let answer = app.send("", ("GET", "/api/health"), &[("x-request-id", "mine")], None).await;
    assert_eq!(answer.headers["x-request-id"], "mine");
    assert_eq!(answer.headers["x-frame-options"], "DENY");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.expect(200)["status"], "ok");
    let detailed = app.send("", ("GET", "/api/health/detailed"), &[], None).await.expect(200);
    assert_eq!(detailed["checks"]["database"]["status"], "ok");
    assert_eq!(detailed["checks"]["writes"]["status"], "ok");
    for pool in ["append", "queries", "projections", "rebuild", "vault", "webhooks"] {
        assert_eq!(detailed["checks"]["pools"][pool]["status"], "ok", "{pool}");
    }
}
