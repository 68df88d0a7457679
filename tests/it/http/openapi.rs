//! What the OpenAPI document says holds for every operation in it.

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap().iter();
        item.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    all.collect()
}

#[tokio::test]
async fn the_document_and_its_page_need_no_key() {
    let app = TestApp::new().await;
    let document = app.send("", ("GET", "/api/openapi.json"), &[], None).await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert!(70 < operations(&document).len(), "{}", operations(&document).len());
    let mut ids: Vec<_> = operations(&document)
        .into_iter()
        .map(|(_, path, it)| it["operationId"].as_str().ok_or(path).unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "every operation has an id of its own");
    let page = app.send("", ("GET", "/api/docs/"), &[], None).await;
    assert_eq!(page.status.as_u16(), 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("style-src 'self' 'unsafe-inline'") && !policy.contains("script-src"));
    let other = app.send("", ("GET", "/api/health"), &[], None).await;
    assert_eq!(other.headers["content-security-policy"], "default-src 'self'");
}

#[tokio::test]
async fn every_operation_with_a_key_answers_401_without_one() {
    let app = TestApp::new().await;
    let mut checked = 0;
    for (method, path, operation) in operations(&app.document) {
        if operation["security"].is_null() {
            assert!(path.starts_with("/api/health"), "{method} {path} is open to everybody");
            continue;
        }
        let body = (method != "GET").then(|| "{}".to_owned());
        let answer = app.send("", (&method, &path), &[], body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"), "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        checked += 1;
    }
    assert!(70 < checked, "{checked}");
}

#[tokio::test]
async fn every_operation_refuses_a_parameter_that_it_does_not_have() {
    let app = TestApp::new().await;
    for (method, path, operation) in operations(&app.document) {
        if operation["security"].is_null() {
            continue;
        }
        let body = (method != "GET").then(|| "{}".to_owned());
        let answer =
            app.send(&app.key, (&method, &format!("{path}?dry_run=true")), &[], body).await;
        assert_eq!(answer.status.as_u16(), 400, "{method} {path} {:#}", answer.body);
        assert_eq!(answer.body["errors"][0]["parameter"], "dry_run", "{method} {path}");
    }
}

/// A body that the operation would take.
fn body(salon: &Salon, method: &str, path: &str) -> Value {
    let at = "2026-12-10T12:00:00+01:00";
    let company = &salon.company;
    let price = json!({ "amount_minor": 1, "currency": "EUR" });
    match (method, path.trim_start_matches("/api/v2")) {
        ("PUT", "/companies/{id}") => {
            json!({ "name": "S", "zone": "UTC", "currency": "EUR", "phone_region": "DE" })
        }
        ("PUT", "/branches/{id}") => json!({ "company_id": company, "name": "B", "zone": "UTC" }),
        ("PUT", "/staff/{id}") => json!({ "company_id": company, "name": "A", "zone": "UTC",
            "branches": [salon.branch] }),
        ("PUT", "/services/{id}") => json!({ "company_id": company, "name": "C", "price": price,
            "phases": minutes(60) }),
        ("PUT", "/resources/{id}") => json!({ "company_id": company, "name": "R", "zone": "UTC",
            "branch_id": salon.branch, "kind": "room", "capacity": 1 }),
        ("PUT", "/customers/{id}") => json!({ "name": "M", "phone": "0151 12345679" }),
        ("PUT", path) if path.contains("/consents/") => json!({ "is_given": true }),
        ("PUT", path) if path.contains("/exceptions/") => json!({ "hours": {} }),
        ("PUT", path) if path.contains("/offers/") => json!({ "is_offered": true }),
        ("POST", path) if path.ends_with("/notes") => json!({ "text": "x" }),
        ("POST", path) if path.ends_with("/move") => json!({ "new_starts_at": at }),
        ("PUT", "/webhook-endpoints/{id}") => json!({ "url": "https://example.org/hook" }),
        ("POST", "/webhook-endpoints/{id}/replay") => json!({ "after": 0 }),
        ("PATCH", _) => json!({ "new_starts_at": at }),
        _ => json!({}),
    }
}

#[tokio::test]
async fn every_operation_on_another_tenants_thing_answers_404() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let id = salon.booked(&app, "2026-12-10T10:00:00+01:00").await;
    let resource = json!({ "company_id": salon.company, "name": "R", "zone": "Europe/Berlin",
        "branch_id": salon.branch, "kind": "room", "capacity": 1 });
    let resource = app.made("resources", resource).await;
    let mut wish = salon.booking("2026-12-11T10:00:00+01:00");
    wish.as_object_mut().unwrap().remove("customer_id");
    let hold = app.post("/api/v2/holds", wish).await.expect(201);
    let mut series = salon.booking("");
    series.as_object_mut().unwrap().remove("starts_at");
    series["zone"] = json!("Europe/Berlin");
    series["rrule"] = json!("FREQ=WEEKLY;COUNT=4");
    series["starts_at_local"] = json!("2026-12-15T10:00:00");
    let series = app.post("/api/v2/series", series).await.expect(201);
    let webhook = json!({ "url": "https://example.org/hook", "after": 0 });
    let webhook = app.made("webhook-endpoints", webhook).await;
    app.app.webhooks.hand_out().await.unwrap();
    let path = format!("/api/v2/webhook-endpoints/{webhook}/deliveries?limit=1");
    let message = app.get(&path).await.expect(200)["items"][0]["message_id"].clone();
    let stranger = app.tenant(&["admin"]).await;
    let mut checked = 0;
    for (method, path, _) in operations(&app.document) {
        let thing = match path.split('/').nth(3) {
            Some("companies" | "staff-event-matrix") => &salon.company,
            Some("branches") => &salon.branch,
            Some("staff") => &salon.staff[0],
            Some("services") => &salon.service,
            Some("resources") => &resource,
            Some("customers") => &salon.customer,
            Some("bookings") => &id,
            Some("holds") => hold["hold_token"].as_str().unwrap(),
            Some("series") => series["series"]["series_id"].as_str().unwrap(),
            Some("webhook-endpoints") => &webhook,
            _ => continue,
        };
        if !path.contains('{') {
            continue;
        }
        let filled = ["{id}", "{token}", "{company}"]
            .iter()
            .fold(path.clone(), |path, name| path.replace(name, thing))
            .replace("{branch_id}", &salon.branch)
            .replace("{date}", "2026-12-24")
            .replace("{number}", "2")
            .replace("{message}", message.as_str().unwrap())
            .replace("{consent}", "sms");
        let body = (method != "GET").then(|| body(&salon, &method, &path).to_string());
        for version in [None, Some(("if-match", "\"1\""))] {
            let headers: Vec<_> = version.into_iter().collect();
            let answer = app.send(&stranger, (&method, &filled), &headers, body.clone()).await;
            assert_eq!(answer.status.as_u16(), 404, "{method} {path} {:#}", answer.body);
        }
        checked += 1;
    }
    assert!(50 < checked, "{checked}");
    let booking = app.get(&format!("/api/v2/bookings/{id}")).await.expect(200);
    assert_eq!(booking["status"], "confirmed");
}

#[tokio::test]
async fn hours_and_assignments_are_read_as_they_were_set() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let anna = &salon.staff[0];
    let day = json!({ "open": [{ "from": "10:00", "to": "12:00" }] });
    let exception = json!({ "hours": day, "reason": "Training" });
    app.put(&format!("/api/v2/staff/{anna}/exceptions/2026-12-24"), exception).await.expect(200);
    let tried = json!({ "weekly": { "1": day }, "dry_run": true });
    app.put(&format!("/api/v2/staff/{anna}/hours"), tried.clone()).await.expect(200);
    let shown = app.get(&format!("/api/v2/staff/{anna}/hours")).await.expect(200);
    assert_eq!(shown["weekly"], Value::Null, "a dry run records nothing");
    assert_eq!(shown["exceptions"]["2026-12-24"]["reason"], "Training");
    let hours = json!({ "weekly": { "1": day }, "branch_id": salon.branch });
    app.put(&format!("/api/v2/staff/{anna}/hours"), hours).await.expect(200);
    let shown = app.get(&format!("/api/v2/staff/{anna}/hours")).await.expect(200);
    assert_eq!(shown["weekly_at"][&salon.branch]["1"], day);
    let branch = app.get(&format!("/api/v2/branches/{}/hours", salon.branch)).await.expect(200);
    assert_eq!(branch["weekly"]["5"]["open"][0]["from"], "09:00");
    app.app.runner.settle().await.unwrap();
    let path = "/api/v2/staff-service-assignments";
    let of = app.get(&format!("{path}?service_id={}", salon.service)).await.expect(200);
    assert_eq!(of["items"].as_array().unwrap().len(), 2);
    let by = app.get(&format!("{path}?staff_id={anna}")).await.expect(200);
    assert_eq!(by["items"][0]["service_id"], salon.service.as_str());
    assert_eq!(by["items"].as_array().unwrap().len(), 1);
    app.get(path).await.expect(400);
    let note = json!({ "text": "Allergic to ammonia", "kind": "medical" });
    app.post(&format!("/api/v2/customers/{}/notes", salon.customer), note).await.expect(201);
}

/// Every reference that stands anywhere in a value.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let app = TestApp::new().await;
    let lost = references(&app.document)
        .into_iter()
        .filter(|it| app.document.pointer(it.trim_start_matches('#')).is_none());
    assert_eq!(lost.collect::<Vec<_>>(), Vec::<&str>::new());
}
