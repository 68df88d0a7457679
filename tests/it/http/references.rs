//! Every id in a body is checked against tenant and kind, and every scope before the body is read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

/// What a body may name.
struct Things {
    salon: Salon,
    resource: String,
    hold: String,
}

async fn things(app: &TestApp) -> Things {
    let salon = app.salon(minutes(60)).await;
    let resource = json!({ "company_id": salon.company, "name": "R", "zone": "Europe/Berlin",
        "branch_id": salon.branch, "kind": "room", "capacity": 1 });
    let resource = app.made("resources", resource).await;
    let mut hold = salon.booking("2026-12-11T10:00:00+01:00");
    hold.as_object_mut().unwrap().remove("customer_id");
    let hold = app.post("/api/v2/holds", hold).await.expect(201);
    let hold = hold["hold_token"].as_str().unwrap().to_owned();
    Things { salon, resource, hold }
}

impl Things {
    /// Everything that may be named, in one order.
    fn ids(&self) -> Vec<String> {
        let Self { salon: Salon { company, branch, staff, service, customer }, resource, hold } =
            self;
        let rest = [company, branch, service, customer, resource, hold];
        rest.into_iter().chain(staff).cloned().collect()
    }
}

/// A body that a route takes, and where its ids stand: a pointer, and a thing of another kind.
type Case = (&'static str, String, Value, Vec<(&'static str, String)>);

fn catalog(things: &Things) -> Vec<Case> {
    let Things { salon, resource, .. } = things;
    let Salon { company, branch, staff, service, customer } = salon;
    let price = json!({ "amount_minor": 4500, "currency": "EUR" });
    let need = json!({ "any_of": [resource], "units": 1 });
    let phases = json!([{ "key": "A", "active_min": 30, "resource": need }]);
    let person = json!({ "company_id": company, "name": "Zoe", "branches": [branch],
        "zone": "Europe/Berlin" });
    let room = json!({ "company_id": company, "name": "Room 2", "zone": "Europe/Berlin", "branch_id": branch,
        "kind": "room", "capacity": 1 });
    let wash = json!({ "company_id": company, "name": "Wash", "phases": phases, "price": price });
    let office = json!({ "company_id": company, "name": "Ost", "zone": "Europe/Berlin" });
    let guest = json!({ "company_id": company, "name": "Eva", "phone": "0151 99999999",
        "preferred_branch_id": branch });
    let known = json!({ "name": "Max", "phone": "0151 12345678", "preferred_branch_id": branch });
    let cell = json!({ "service_id": service, "assignment": { "staff_id": staff[0] } });
    let cells = json!({ "assign": [cell],
        "unassign": [{ "service_id": service, "staff_id": staff[1] }] });
    let cells_of = |path: &str| -> Case {
        let ids = vec![
            ("/assign/0/service_id", branch.clone()),
            ("/assign/0/assignment/staff_id", customer.clone()),
            ("/unassign/0/service_id", branch.clone()),
            ("/unassign/0/staff_id", customer.clone()),
        ];
        ("POST", path.to_owned(), cells.clone(), ids)
    };
    let in_company = ("/company_id", branch.clone());
    let hours = json!({ "branch_id": branch, "weekly": {} });
    let own = |kind: &str, id: &str| format!("/api/v2/{kind}/{id}");
    let all = |kind: &str| format!("/api/v2/{kind}");
    let at_branch = ("/branches/0", company.clone());
    let with = vec![in_company.clone(), ("/phases/0/resource/any_of/0", staff[0].clone())];
    let preferred = ("/preferred_branch_id", company.clone());
    let of_room = vec![in_company.clone(), ("/branch_id", staff[0].clone())];
    vec![
        ("POST", all("branches"), office.clone(), vec![in_company.clone()]),
        ("PUT", own("branches", branch), office, vec![in_company.clone()]),
        ("POST", all("staff"), person.clone(), vec![in_company.clone(), at_branch.clone()]),
        ("PUT", own("staff", &staff[0]), person, vec![in_company.clone(), at_branch]),
        (
            "PUT",
            format!("/api/v2/staff/{}/hours", staff[0]),
            hours,
            vec![("/branch_id", company.clone())],
        ),
        ("POST", all("services"), wash.clone(), with.clone()),
        ("PUT", own("services", service), wash, with),
        ("POST", all("resources"), room.clone(), of_room.clone()),
        ("PUT", own("resources", resource), room, of_room),
        ("POST", all("customers"), guest, vec![in_company, preferred.clone()]),
        ("PUT", own("customers", customer), known, vec![preferred]),
        cells_of("/api/v2/staff-service-assignments"),
        cells_of("/api/event-management/staff-event-assignments"),
    ]
}

fn scheduling(things: &Things, id: &str) -> Vec<Case> {
    let Things { salon, hold, .. } = things;
    let Salon { company, branch, staff, service, customer } = salon;
    let booking = salon.booking("2026-12-10T14:00:00+01:00");
    let place = || {
        vec![
            ("/service_id", branch.clone()),
            ("/staff_id", customer.clone()),
            ("/branch_id", company.clone()),
        ]
    };
    let whole = || place().into_iter().chain([("/customer_id", staff[0].clone())]).collect();
    let without = |body: &Value, names: &[&str]| {
        let mut body = body.clone();
        for name in names {
            body.as_object_mut().unwrap().remove(*name);
        }
        body
    };
    let basket = |body: &Value| {
        let mut body = without(body, &["service_id"]);
        body["services"] = json!([{ "service_id": service }]);
        body
    };
    let of_basket = || vec![("/services/0/service_id", branch.clone())];
    let held = json!({ "customer_id": customer, "hold_token": hold });
    let kept = without(&booking, &["customer_id"]);
    let mut series = without(&booking, &["starts_at"]);
    series["zone"] = json!("Europe/Berlin");
    series["rrule"] = json!("FREQ=WEEKLY;COUNT=4");
    series["starts_at_local"] = json!("2026-12-17T10:00:00");
    let moved = json!({ "new_starts_at": "2026-12-10T12:00:00+01:00", "staff_id": staff[0] });
    let to = |path: &str| format!("/api/v2/{path}");
    vec![
        ("POST", to("bookings"), booking.clone(), whole()),
        ("POST", to("bookings"), basket(&booking), of_basket()),
        ("POST", to("bookings"), held, vec![("/hold_token", customer.clone())]),
        ("POST", to("holds"), kept.clone(), place()),
        ("POST", to("holds"), basket(&kept), of_basket()),
        ("POST", to("series"), series.clone(), whole()),
        ("POST", to("series"), basket(&series), of_basket()),
        (
            "PATCH",
            format!("/api/v2/bookings/{id}/reschedule"),
            moved,
            vec![("/staff_id", customer.clone())],
        ),
    ]
}

#[tokio::test]
async fn every_id_in_a_body_is_checked_against_tenant_and_kind() {
    let mut app = TestApp::new().await;
    let own_key = app.key.clone();
    app.key = app.tenant(&["admin"]).await;
    let theirs = things(&app).await;
    app.key = own_key;
    let things = things(&app).await;
    let id = things.salon.booked(&app, "2026-12-10T10:00:00+01:00").await;
    let unknown = "0190b2c0-0000-7000-8000-00000000002a".to_owned();
    let of_stranger: BTreeMap<_, _> = things.ids().into_iter().zip(theirs.ids()).collect();
    let cases = [catalog(&things), scheduling(&things, &id)].concat();
    let mut checked = BTreeSet::new();
    for (method, path, body, ids) in &cases {
        let mut tried = body.clone();
        tried["dry_run"] = json!(true);
        let fine = app.keyed(method, path, &[], tried.clone()).await;
        assert_eq!(fine.status.as_u16(), 200, "{method} {path} {:#}", fine.body);
        let body = tried;
        for (pointer, other_kind) in ids {
            checked
                .insert((super::document::template(&app.document, method, path), field(pointer)));
            let own = body.pointer(pointer).and_then(Value::as_str).unwrap();
            for wrong in [&unknown, other_kind, &of_stranger[own]] {
                let mut body = body.clone();
                *body.pointer_mut(pointer).unwrap() = json!(wrong);
                let answer = app.keyed(method, path, &[], body).await;
                let status = answer.status.as_u16();
                let shown = format!("{method} {path} {pointer} {wrong}\n{:#}", answer.body);
                assert!([400, 404, 409].contains(&status), "{status} {shown}");
                let named = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default();
                let last = field(pointer);
                let names_it = named.split('/').any(|part| part == last)
                    || pointer.starts_with(named) && !named.is_empty();
                assert!(names_it, "{named} {shown}");
            }
        }
    }
    // Nothing that a document names is left out of the table.
    let missing: Vec<_> =
        ids_of_bodies(&app.document).into_iter().filter(|it| !checked.contains(it)).collect();
    assert!(missing.is_empty(), "not checked: {missing:#?}");
}

/// The field of a pointer, without the index of an item.
fn field(pointer: &str) -> String {
    let mut names = pointer.split('/').filter(|part| part.parse::<usize>().is_err());
    names.next_back().unwrap().to_owned()
}

/// Every id in the body of a route: `(method and path, field)`.
fn ids_of_bodies(document: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut fields = BTreeSet::new();
            collect(document, schema, "", &mut fields);
            let name = format!("{} {path}", method.to_uppercase());
            found.extend(fields.into_iter().map(|field| (name.clone(), field)));
        }
    }
    found
}

fn collect(document: &Value, schema: &Value, name: &str, found: &mut BTreeSet<String>) {
    if let Some(at) = schema["$ref"].as_str() {
        let schema = document.pointer(at.trim_start_matches('#')).unwrap();
        return collect(document, schema, name, found);
    }
    if schema["format"] == "uuid" {
        found.insert(name.to_owned());
    }
    for either in ["oneOf", "anyOf", "allOf"] {
        for one in schema[either].as_array().into_iter().flatten() {
            collect(document, one, name, found);
        }
    }
    if schema["items"].is_object() {
        collect(document, &schema["items"], name, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(document, property, name, found);
    }
}

#[tokio::test]
async fn every_scope_is_checked_before_anything_else_of_a_request() {
    let app = TestApp::new().await;
    let keys = [
        ("availability:read", app.tenant(&["availability:read"]).await),
        ("reports:read", app.tenant(&["reports:read"]).await),
    ];
    for (path, item) in app.document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(scope) = operation.pointer("/security/0/key/0").and_then(Value::as_str) else {
                assert!(operation["security"].is_null(), "{method} {path} names no scope");
                continue;
            };
            let (_, key) = keys.iter().find(|(held, _)| *held != scope).unwrap();
            let method = method.to_uppercase();
            let asked = format!("{path}?no_such_parameter=1");
            let body = (method != "GET").then(|| "{ this is no JSON".to_owned());
            let headers = [("if-match", "no version"), ("content-type", "text/plain")];
            let answer = app.send(key, (&method, &asked), &headers, body).await;
            let shown = format!("{method} {path} {:#}", answer.body);
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "FORBIDDEN"), "{shown}");
            assert!(answer.body["detail"].as_str().unwrap().contains(scope), "{shown}");
        }
    }
}

#[tokio::test]
async fn an_inactive_service_and_one_that_is_not_offered_are_told_apart() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let booking = salon.booking("2026-12-10T10:00:00+01:00");
    let offer = format!("/api/v2/services/{}/offers/{}", salon.service, salon.branch);
    app.put(&offer, json!({ "is_offered": false })).await.expect(200);
    let elsewhere = app.post("/api/v2/bookings", booking.clone()).await;
    app.put(&offer, json!({ "is_offered": true })).await.expect(200);
    app.post(&format!("/api/v2/services/{}/deactivate", salon.service), json!({}))
        .await
        .expect(200);
    let inactive = app.post("/api/v2/bookings", booking).await;
    assert_eq!(
        (elsewhere.code(), inactive.code()),
        ("SERVICE_NOT_OFFERED_HERE", "SERVICE_INACTIVE")
    );
    assert_eq!(elsewhere.body["detail"], "The service is not offered at this branch.");
    let sentence = "Service not available for this branch: the service is inactive.";
    assert_eq!(inactive.body["detail"], sentence);
    assert_eq!(inactive.body["error"]["details"]["reasons"][0]["detail"], sentence);
}
