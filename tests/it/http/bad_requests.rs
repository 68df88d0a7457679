//! A bad request of every kind gets a problem that names the field.

use daybook_domain::ports::EventLog as _;
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
        (with("services", json!([{ "service_id": 3 }])), 400, "services.0.service_id"),
    ];
    for (body, status, field) in cases {
        let answer = app.post("/api/v2/bookings", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field, "{body} {:#}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["success"], false);
        assert_eq!(answer.body["instance"], "/api/v2/bookings");
        assert_eq!(answer.headers["x-request-id"], answer.body["request_id"].as_str().unwrap());
        let pointer = format!("/{}", field.replace('.', "/"));
        assert_eq!(answer.body["errors"][0]["pointer"], pointer.as_str());
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
            "phases.0.active_min",
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
    let huge = app.send(&app.key, path, &[], Some(huge)).await;
    assert_eq!((huge.status.as_u16(), huge.code()), (413, "BODY_TOO_LARGE"));
    assert_eq!(app.send(&app.key, path, &[], Some("[1".to_owned())).await.status.as_u16(), 400);
    let page = app.get("/api/v2/bookings?limit=0").await;
    assert_eq!((page.status.as_u16(), &page.body["errors"][0]["field"]), (400, &json!("limit")));
    let cursor = app.get("/api/v2/bookings?after=nonsense").await;
    assert_eq!(
        (cursor.status.as_u16(), &cursor.body["errors"][0]["field"]),
        (400, &json!("after"))
    );
    assert_eq!(app.get("/api/v2/nothing").await.status.as_u16(), 404);
    let put = app.put("/api/v2/bookings", json!({})).await;
    assert_eq!((put.status.as_u16(), put.code()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(put.headers["content-type"], "application/problem+json");
    assert_eq!(put.headers["x-xss-protection"], "1; mode=block");
}

#[tokio::test]
async fn the_ends_of_the_calendar_are_refused_by_name() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let (service, branch, staff) = (&salon.service, &salon.branch, &salon.staff[0]);
    let ask = |field: &str, value: &str| {
        let mut body = json!({ "service_id": service, "branch_id": branch });
        body[field] = json!(value);
        body
    };
    let mut searches = Vec::new();
    for year in ["+262142", "0000", "9999"] {
        let at = format!("{year}-12-31T23:59:00Z");
        let local = format!("{year}-12-31T23:59:00");
        let date = format!("{year}-12-31");
        let mut until = ask("date_to", &date);
        until["date_from"] = json!("2026-12-02");
        let mut series = salon.booking("");
        series.as_object_mut().unwrap().remove("starts_at");
        series["zone"] = json!("Europe/Berlin");
        series["rrule"] = json!("FREQ=WEEKLY;COUNT=4");
        series["starts_at_local"] = json!(local);
        searches.extend([
            ("/api/v2/availability/next", ask("from", &at), "from"),
            ("/api/v2/availability/explain", ask("starts_at", &at), "starts_at"),
            ("/api/v2/availability/explain", ask("date", &date), "date"),
            ("/api/v2/availability/simple", ask("date", &date), "date"),
            ("/api/v2/availability/search", until, "date_to"),
            ("/api/v2/bookings", salon.booking(&at), "starts_at"),
            ("/api/v2/holds", ask("starts_at", &at), "starts_at"),
            ("/api/v2/series", series, "starts_at_local"),
        ]);
    }
    for (path, body, field) in searches {
        let answer = app.post(path, body.clone()).await;
        assert_eq!(answer.status.as_u16(), 400, "{path} {body} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field, "{path} {body} {:#}", answer.body);
    }
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let to = json!({ "new_starts_at": "+262142-12-31T23:59:00Z" });
    let moved = app.patch(&format!("/api/v2/bookings/{id}/reschedule"), to).await;
    assert_eq!(
        (moved.status.as_u16(), &moved.body["errors"][0]["field"]),
        (400, &json!("new_starts_at"))
    );
    let path = format!("/api/v2/staff/{staff}/exceptions/+262142-12-31");
    app.put(&path, json!({ "hours": {} })).await.expect(404);
    app.get("/api/v2/bookings?from=%2B262142-12-31T00:00:00Z").await.expect(400);
    // The last year that is booked in is searched without harm.
    let last = ask("from", "9998-12-31T23:59:00Z");
    app.post("/api/v2/availability/next", last).await.expect(200);
    let last = ask("starts_at", "9998-12-31T23:59:00Z");
    app.post("/api/v2/availability/explain", last).await.expect(200);
    app.post("/api/v2/bookings", salon.booking("9998-12-31T23:55:00Z")).await.expect(409);
}

#[tokio::test]
async fn a_series_that_runs_out_of_the_calendar_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for (start, rule) in [
        ("9998-12-31T10:00:00", "FREQ=YEARLY;COUNT=52"),
        ("2027-01-01T10:00:00", "FREQ=YEARLY;INTERVAL=60000;COUNT=4"),
        ("2027-01-01T10:00:00", "FREQ=MONTHLY;INTERVAL=65535;COUNT=52"),
    ] {
        let mut series = salon.booking("");
        series.as_object_mut().unwrap().remove("starts_at");
        series["zone"] = json!("Europe/Berlin");
        series["rrule"] = json!(rule);
        series["starts_at_local"] = json!(start);
        let answer = app.post("/api/v2/series", series).await;
        assert!(answer.status.is_client_error(), "{rule} {:#}", answer.body);
    }
}

#[tokio::test]
async fn a_nul_is_refused_by_name_wherever_it_stands() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for (path, name) in [
        ("/api/v2/bookings?external_ref=a%00b", "external_ref"),
        ("/api/v2/customers?name=%00", "name"),
        ("/api/v2/staff?external_ref=%00", "external_ref"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status.as_u16(), 400, "{path} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["parameter"], name, "{path}");
    }
    let mut body = salon.booking("2026-12-02T10:00:00+01:00");
    body["notes"] = json!("a\0b");
    let answer = app.post("/api/v2/bookings", body).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["errors"][0]["field"]),
        (400, &json!("notes"))
    );
    let branch = json!({ "company_id": salon.company, "name": "B", "zone": "UTC", "address": {
        "street": "\0", "postal_code": "1", "city": "B", "country": "DE" } });
    let answer = app.post("/api/v2/branches", branch).await;
    assert_eq!(answer.body["errors"][0]["pointer"], "/address/street", "{:#}", answer.body);
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_by_name() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let good = salon.booking("2026-12-02T10:00:00+01:00");
    for (field, most) in [("call_id", 128), ("external_ref", 200), ("source", 64), ("notes", 2000)]
    {
        let mut body = good.clone();
        body[field] = json!("x".repeat(most + 1));
        let answer = app.post("/api/v2/bookings", body.clone()).await;
        assert_eq!(answer.status.as_u16(), 400, "{field} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field);
        body[field] = json!("x".repeat(most));
        body["dry_run"] = json!(true);
        app.post("/api/v2/bookings", body).await.expect(200);
    }
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let body = json!({ "reason": "x".repeat(501) });
    let answer = app.post(&format!("/api/v2/bookings/{id}/cancel"), body).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["errors"][0]["field"]),
        (400, &json!("reason"))
    );
}

#[tokio::test]
async fn headers_that_cannot_be_meant_are_refused_or_replaced() {
    let app = TestApp::new().await;
    let (long, most) = ("k".repeat(256), "k".repeat(255));
    let list = ("GET", "/api/v2/bookings");
    for (name, value, status) in [
        ("Idempotency-Key", "", 400),
        ("Idempotency-Key", long.as_str(), 400),
        ("Idempotency-Key", most.as_str(), 200),
        ("If-Match", "latest", 400),
    ] {
        let answer = app.send(&app.key, list, &[(name, value)], None).await;
        assert_eq!(answer.status.as_u16(), status, "{name} {value}");
        if status == 400 {
            assert_eq!(answer.body["errors"][0]["header"], name);
        }
    }
    for id in ["", "a b", &"r".repeat(129)] {
        let answer = app.send(&app.key, list, &[("x-request-id", id)], None).await;
        let given = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(given.len(), 36, "{id:?} became {given:?}");
    }
    let kept = "r".repeat(128);
    let answer = app.send(&app.key, list, &[("x-request-id", &kept)], None).await;
    assert_eq!(answer.headers["x-request-id"], kept);
}

#[tokio::test]
async fn a_position_beyond_the_head_is_the_same_problem_everywhere() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    app.app.runner.settle().await.unwrap();
    let query = json!({ "service_id": salon.service, "min_position": 1_000_000 });
    let answers = [
        app.get("/api/v2/bookings?min_position=1000000").await,
        app.get("/api/v2/customers?min_position=1000000").await,
        app.get("/api/v2/staff?min_position=1000000").await,
        app.post("/api/v2/availability/next", query).await,
        app.get("/api/v2/events?after=1000000").await,
        app.get("/api/v2/bookings?as_of=1000000").await,
    ];
    for answer in answers {
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "POSITION_BEYOND_HEAD"));
        let details = &answer.body["error"]["details"];
        assert_eq!(details["position"], 1_000_000);
        assert!(details["head"].is_u64(), "{details}");
    }
    // A read model that lags behind is another matter: it gets there.
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let head = app.app.dispatcher.log().heads(None, 1).await.unwrap()[0].position;
    let answer = app.get(&format!("/api/v2/bookings?min_position={head}")).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "POSITION_NOT_REACHED"));
}

#[tokio::test]
async fn a_request_is_the_same_however_its_json_is_written() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let (customer, service, branch) = (&salon.customer, &salon.service, &salon.branch);
    let at = "2026-12-02T10:00:00+01:00";
    let one = format!(
        r#"{{"customer_id":"{customer}","service_id":"{service}","branch_id":"{branch}","starts_at":"{at}"}}"#
    );
    let other = format!(
        r#"{{ "starts_at": "{at}", "branch_id": "{branch}", "service_id": "{service}", "customer_id": "{customer}" }}"#
    );
    let changed = one.replace("10:00", "11:00");
    let send = |body: String| {
        let key = [("idempotency-key", "once")];
        let app = &app;
        async move { app.send(&app.key, ("POST", "/api/v2/bookings"), &key, Some(body)).await }
    };
    let first = send(one).await.expect(201);
    let again = send(other).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(201)["appointment_id"], first["appointment_id"]);
    let reused = send(changed).await;
    assert_eq!((reused.status.as_u16(), reused.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
}
