//! A bad request of every kind gets a problem that names the field.

use serde_json::{Value, json};

use super::{TestApp, minutes};

#[tokio::test]
async fn every_bad_booking_names_its_field() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let good = salon.booking("2026-12-02T10:00:00+01:00");
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let nobody = json!("01900000-0000-7000-8000-000000000000");
    let cases = [
        (with("company_id", json!(1)), 400, "company_id"),
        (with("price", json!(1)), 400, "price"),
        (with("status", json!("confirmed")), 400, "status"),
        (with("version", json!(1)), 400, "version"),
        (with("starts_at", json!(7)), 400, "starts_at"),
        (with("starts_at", json!("tomorrow")), 400, "starts_at"),
        (with("starts_at", json!("2026-11-30T10:00:00+01:00")), 400, "starts_at"),
        (with("starts_at", Value::Null), 400, "starts_at"),
        (with("customer_id", json!("x")), 400, "customer_id"),
        (with("customer_id", nobody.clone()), 404, "customer_id"),
        (with("service_id", nobody.clone()), 404, "service_id"),
        (with("branch_id", nobody.clone()), 404, "branch_id"),
        (with("staff_id", nobody), 404, "staff_id"),
        (with("services", json!([{ "service_id": 3 }])), 400, "services[0].service_id"),
    ];
    for (body, status, field) in cases {
        let answer = app.post("/api/v2/bookings", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field, "{body} {:#}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["success"], false);
        assert!(answer.body["error"]["errors"][field].is_array(), "{:#}", answer.body);
    }
}

#[tokio::test]
async fn master_data_that_cannot_be_names_its_field() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let (company, branch) = (&salon.company, &salon.branch);
    let price = json!({ "amount_minor": 1, "currency": "EUR" });
    let overlapping = json!({ "weekly": { "1": { "open": [
        { "from": "09:00", "to": "12:00" }, { "from": "11:00", "to": "13:00" }] } } });
    let cases = [
        (
            "POST",
            "/api/v2/companies".to_owned(),
            json!({ "name": "B", "zone": "Mars/Olympus", "currency": "EUR", "phone_region": "DE" }),
            "zone",
        ),
        (
            "POST",
            "/api/v2/companies".to_owned(),
            json!({ "name": " ", "zone": "UTC", "currency": "EUR", "phone_region": "DE" }),
            "name",
        ),
        (
            "POST",
            "/api/v2/services".to_owned(),
            json!({ "company_id": company, "name": "S", "price": price, "phases": [] }),
            "phases",
        ),
        (
            "POST",
            "/api/v2/services".to_owned(),
            json!({ "company_id": company, "name": "S", "price": price,
                 "phases": [{ "key": "A", "active_min": 7 }] }),
            "phases/0/active_min",
        ),
        ("PUT", format!("/api/v2/branches/{branch}/hours"), overlapping, "weekly.1"),
        (
            "POST",
            "/api/v2/customers".to_owned(),
            json!({ "company_id": company, "name": "M" }),
            "phone",
        ),
        (
            "POST",
            "/api/v2/customers".to_owned(),
            json!({ "company_id": company, "phone": "call me" }),
            "phone",
        ),
        ("POST", "/api/v2/customers".to_owned(), json!({ "phone": "0151 12345678" }), "company_id"),
    ];
    for (method, path, body, field) in cases {
        let answer = app.send(&app.key, (method, &path), &[], Some(body.to_string())).await;
        assert_eq!(answer.status.as_u16(), 400, "{path} {body} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field, "{path} {:#}", answer.body);
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_problems() {
    let app = TestApp::new().await;
    let path = ("POST", "/api/v2/bookings");
    let huge = format!("{{\"notes\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(app.send(&app.key, path, &[], Some(huge)).await.status.as_u16(), 413);
    assert_eq!(app.send(&app.key, path, &[], Some("[1".to_owned())).await.status.as_u16(), 400);
    let page = app.get("/api/v2/bookings?limit=0").await;
    assert_eq!((page.status.as_u16(), &page.body["errors"][0]["field"]), (400, &json!("limit")));
    let cursor = app.get("/api/v2/bookings?after=nonsense").await;
    assert_eq!(
        (cursor.status.as_u16(), &cursor.body["errors"][0]["field"]),
        (400, &json!("after"))
    );
    assert_eq!(app.get("/api/v2/nothing").await.status.as_u16(), 404);
    assert_eq!(app.put("/api/v2/bookings", json!({})).await.status.as_u16(), 405);
}
