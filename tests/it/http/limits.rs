//! Limits per day: one date, that of the branch where the appointment takes place.

use futures::future::join_all;
use serde_json::{Value, json};

use super::TestApp;

const ALL_DAY: &str = r#"{ "open": [{ "from": "00:00", "to": "24:00" }] }"#;

/// A company with a branch in Berlin and one in New York, and a staff member at both.
struct Chain {
    company: String,
    branches: [String; 2],
    staff: String,
    customer: String,
}

async fn chain(app: &TestApp, staff_zone: &str) -> Chain {
    let company = json!({ "name": "Chain", "zone": "Europe/Berlin", "currency": "EUR",
                          "phone_region": "DE" });
    let company = app.made("companies", company).await;
    let all_day: Value = serde_json::from_str(ALL_DAY).unwrap();
    let weekly: Value = (1..=7).map(|day| (day.to_string(), all_day.clone())).collect();
    let branch = async |zone: &str| {
        let branch = json!({ "company_id": company, "name": zone, "zone": zone });
        let branch = app.made("branches", branch).await;
        let path = format!("/api/v2/branches/{branch}/hours");
        app.put(&path, json!({ "weekly": weekly })).await.expect(200);
        branch
    };
    let branches = [branch("Europe/Berlin").await, branch("America/New_York").await];
    let staff = json!({ "company_id": company, "name": "Anna", "branches": branches,
                        "zone": staff_zone });
    let staff = app.made("staff", staff).await;
    let customer = json!({ "company_id": company, "name": "Max", "phone": "0151 12345678" });
    let customer = app.made("customers", customer).await;
    Chain { company, branches, staff, customer }
}

impl Chain {
    async fn service(&self, app: &TestApp, limits: Value) -> String {
        let rules = json!({ "grid_min": 60, "limits": limits });
        let staff = [self.staff.clone()];
        app.service(&self.company, &limits_name(&rules), super::minutes(60), rules, &staff).await
    }

    fn booking(&self, service: &str, branch: usize, starts_at: &str) -> Value {
        json!({ "customer_id": self.customer, "service_id": service, "starts_at": starts_at,
                "branch_id": self.branches[branch] })
    }
}

/// A name for a service that no other one has.
fn limits_name(rules: &Value) -> String {
    format!("Cut, {}", rules["limits"])
}

async fn offered(app: &TestApp, service: &str, branch: &str, date: &str) -> usize {
    let window = json!({ "service_id": service, "branch_id": branch, "date_from": date,
        "date_to": date });
    let body = app.post("/api/v2/availability/search", window).await.expect(200);
    body["slots"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_limit_used_up_at_one_branch_is_used_up_on_that_date_at_another_in_another_zone() {
    let app = TestApp::new().await;
    let chain = chain(&app, "Asia/Tokyo").await;
    for limit in ["per_day", "per_staff_per_day"] {
        let service = chain.service(&app, json!({ limit: 1 })).await;
        // The third in Berlin, whose first hours are the second in New York.
        let booked = chain.booking(&service, 0, "2026-12-03T02:00:00+01:00");
        let booked = app.post("/api/v2/bookings", booked).await.expect(201);
        for (date, is_free) in [("2026-12-02", true), ("2026-12-03", false), ("2026-12-04", true)] {
            let found = offered(&app, &service, &chain.branches[1], date).await;
            assert_eq!(0 < found, is_free, "{limit} {date}: {found} offered");
            let mut wish = chain.booking(&service, 1, &format!("{date}T12:00:00-05:00"));
            wish["dry_run"] = json!(true);
            let booked = app.post("/api/v2/bookings", wish).await;
            assert_eq!(booked.status.as_u16() == 200, is_free, "{limit} {date} {:#}", booked.body);
        }
        // A process that knows nothing yet reads the same from what is stored.
        app.app.runner.settle().await.unwrap();
        let fresh = app.other_process().await;
        let window = json!({ "service_id": service, "branch_id": chain.branches[1],
            "date_from": "2026-12-03", "date_to": "2026-12-03" });
        let search = "/api/v2/availability/search";
        let found = app.keyed_at(&fresh, "POST", search, &[], window).await.expect(200);
        assert_eq!(found["slots"], json!([]), "{limit}");
        let id = booked["appointment_id"].as_str().unwrap();
        app.post(&format!("/api/v2/bookings/{id}/cancel"), json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn concurrent_bookings_of_a_date_that_spans_two_days_of_the_staff_member_stay_within_the_limit()
 {
    let app = TestApp::new().await;
    // The date of Berlin is two dates in Tokyo.
    let chain = chain(&app, "Asia/Tokyo").await;
    let service = chain.service(&app, json!({ "per_staff_per_day": 2 })).await;
    let account = json!({ "company_id": chain.company, "name": "Walk-ins",
        "phone": "0151 12345670", "may_overlap": true });
    let account = app.made("customers", account).await;
    let wishes = (0..24).map(|hour| {
        let mut wish = chain.booking(&service, 0, &format!("2026-12-03T{hour:02}:00:00+01:00"));
        wish["customer_id"] = json!(account);
        app.post("/api/v2/bookings", wish)
    });
    let answers = join_all(wishes).await;
    let booked = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert_eq!(booked, 2);
    let codes = answers.iter().filter(|it| it.status.as_u16() != 201).map(super::Answer::code);
    let codes: Vec<_> = codes.collect();
    assert!(codes.iter().all(|code| *code == "STAFF_DAILY_LIMIT_USED_UP"), "{codes:?}");
}

#[tokio::test]
async fn limits_per_customer_hold_on_moves_occurrences_and_booked_holds() {
    let app = TestApp::new().await;
    let chain = chain(&app, "Europe/Berlin").await;
    let service = chain.service(&app, json!({ "per_customer_per_day": 1 })).await;
    let book = async |at: &str| app.post("/api/v2/bookings", chain.booking(&service, 0, at)).await;
    let first = book("2026-12-03T10:00:00+01:00").await.expect(201);
    let second = book("2026-12-04T10:00:00+01:00").await.expect(201);
    let move_to = async |booking: &Value, at: &str| {
        let id = booking["appointment_id"].as_str().unwrap();
        app.patch(&format!("/api/v2/bookings/{id}/reschedule"), json!({ "new_starts_at": at }))
            .await
    };
    move_to(&first, "2026-12-03T12:00:00+01:00").await.expect(200);
    let refused = move_to(&second, "2026-12-03T16:00:00+01:00").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "CUSTOMER_LIMIT_REACHED"));
    let place = json!({ "service_id": service, "branch_id": chain.branches[0],
        "starts_at": "2026-12-03T14:00:00+01:00" });
    let held = app.post("/api/v2/holds", place).await.expect(201);
    let held = json!({ "customer_id": chain.customer, "hold_token": held["hold_token"] });
    let refused = app.post("/api/v2/bookings", held).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "CUSTOMER_LIMIT_REACHED"));
    let series = json!({ "customer_id": chain.customer, "service_id": service,
        "branch_id": chain.branches[0], "starts_at_local": "2026-12-07T15:00:00",
        "zone": "Europe/Berlin", "rrule": "FREQ=DAILY;COUNT=4" });
    let series = app.post("/api/v2/series", series).await.expect(201);
    let series = series["series"]["series_id"].as_str().unwrap();
    let to = json!({ "new_starts_at": "2026-12-03T18:00:00+01:00" });
    let refused = app.post(&format!("/api/v2/series/{series}/occurrences/1/move"), to).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "CUSTOMER_LIMIT_REACHED"));
    // What the customer came to counts on its date, too.
    app.at("2026-12-03T11:00:00Z");
    let id = first["appointment_id"].as_str().unwrap();
    for step in ["start", "complete"] {
        app.post(&format!("/api/v2/bookings/{id}/{step}"), json!({})).await.expect(200);
    }
    let refused = book("2026-12-03T20:00:00+01:00").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "CUSTOMER_LIMIT_REACHED"));
}
