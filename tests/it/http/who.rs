//! Every change carries who made it, and for whom.

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

async fn last_event(app: &TestApp) -> Value {
    let body = app.get("/api/v2/events?limit=1000").await.expect(200);
    body["items"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn a_change_carries_the_name_of_the_key_and_for_whom_the_client_acts() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let named = format!("employee:{}", salon.staff[0]);
    for on_behalf_of in [named, format!("customer:{}", salon.customer), "employee:a.7".to_owned()] {
        let headers = [("On-Behalf-Of", on_behalf_of.as_str())];
        let hours = json!({ "hours": { "open": [] } });
        let path = format!("/api/v2/branches/{}/exceptions/2026-12-24", salon.branch);
        app.keyed("PUT", &path, &headers, hours).await.expect(200);
        let event = last_event(&app).await;
        assert_eq!(event["type"], "branch.exception_set");
        assert_eq!(
            (&event["actor_name"], &event["on_behalf_of"]),
            (&json!("test"), &json!(on_behalf_of))
        );
        app.keyed("DELETE", &path, &headers, json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn nobody_acts_for_somebody_whom_the_tenant_does_not_have() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let customer_as_employee = format!("employee:{}", salon.customer);
    let unknown = "customer:0190b2c0-0000-7000-8000-00000000002a".to_owned();
    let address = "customer:max@example.com".to_owned();
    for on_behalf_of in [customer_as_employee, unknown, address, "boss".to_owned()] {
        let headers = [("On-Behalf-Of", on_behalf_of.as_str())];
        let booking = salon.booking("2026-12-02T10:00:00Z");
        let answer = app.keyed("POST", "/api/v2/bookings", &headers, booking).await;
        assert_eq!(answer.body["errors"][0]["header"], "On-Behalf-Of", "{on_behalf_of}");
        assert_eq!(answer.status.as_u16(), 400, "{on_behalf_of}");
    }
}

/// Terms under which nobody cancels or moves within a day of the start.
async fn blocking_policies(app: &TestApp, salon: &Salon, more: Value) {
    let block = json!({ "violation_action": "block", "min_hours_notice": 24 });
    let mut policies = json!({ "cancellation": block, "reschedule": block });
    policies["reason_codes"] = more;
    let path = format!("/api/v2/companies/{}/policies", salon.company);
    app.put(&path, policies).await.expect(200);
}

async fn history(app: &TestApp, id: &str) -> Vec<Value> {
    let body = app.get(&format!("/api/v2/bookings/{id}/history")).await.expect(200);
    body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_the_business_cancels_is_free_and_does_not_count_against_the_customer() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    blocking_policies(&app, &salon, json!([])).await;
    let id = salon.booked(&app, "2026-12-01T10:00:00Z").await;
    let path = format!("/api/v2/bookings/{id}/cancel");
    let refused = app.post(&path, json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "POLICY_BLOCKED"));
    let body = json!({ "cancelled_by": "business", "reason_code": "staff_unavailable",
                       "reason": "Anna is ill", "notify_customer": true });
    let body = app.post(&path, body).await.expect(200);
    assert_eq!((&body["policy_violation"], &body["cancellation_fee"]), (&json!(false), &json!(0)));
    assert_eq!(body["policy"]["waived"]["changed_by"], "business");
    assert_eq!(body["policy"]["waived"]["violations"][0]["rule"], "short_notice");
    let detail = app.get(&format!("/api/v2/bookings/{id}")).await.expect(200);
    let said = (&detail["cancelled_by"], &detail["reason_code"]);
    assert_eq!(said, (&json!("business"), &json!("staff_unavailable")));
    // Two cancellations a month are free: that of the business is not one of them.
    for (hour, is_violation) in [(10, false), (11, false), (12, true)] {
        let id = salon.booked(&app, &format!("2026-12-08T{hour}:00:00Z")).await;
        let body = json!({ "dry_run": is_violation });
        let answer = app.post(&format!("/api/v2/bookings/{id}/cancel"), body).await;
        assert_eq!(answer.status.as_u16(), if is_violation { 422 } else { 200 }, "{hour}");
    }
}

#[tokio::test]
async fn what_the_business_moves_does_not_use_up_the_customers_moves() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    blocking_policies(&app, &salon, json!([])).await;
    let id = salon.booked(&app, "2026-12-01T10:00:00Z").await;
    let path = format!("/api/v2/bookings/{id}/reschedule");
    for quarter in 0..4 {
        let to = json!({ "new_starts_at": format!("2026-12-07T10:{:02}:00Z", quarter * 15),
                         "rescheduled_by": "system", "reason_code": "branch_closed" });
        let body = app.patch(&path, to).await.expect(200);
        assert_eq!(body["policy_check"], "passed");
    }
    let own = json!({ "new_starts_at": "2026-12-08T10:00:00Z" });
    assert_eq!(app.patch(&path, own).await.expect(200)["policy_check"], "passed");
}

#[tokio::test]
async fn a_reason_code_is_one_that_every_company_has_or_one_of_its_own() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let id = salon.booked(&app, "2026-12-08T10:00:00Z").await;
    let path = format!("/api/v2/bookings/{id}/cancel");
    let body = json!({ "reason_code": "pipe_burst", "dry_run": true });
    let refused = app.post(&path, body.clone()).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/reason_code", "{:#}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("illness"), "{:#}", refused.body);
    blocking_policies(&app, &salon, json!(["pipe_burst"])).await;
    app.post(&path, body).await.expect(200);
    let twice = json!({ "reason_codes": ["illness"] });
    let path = format!("/api/v2/companies/{}/policies", salon.company);
    let refused = app.put(&path, twice).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/reason_codes", "{:#}", refused.body);
}

#[tokio::test]
async fn every_change_says_whether_the_customer_is_to_be_notified() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let notify = json!({ "notify_customer": true });
    let id = salon.booked(&app, "2026-12-08T10:00:00Z").await;
    let moved = json!({ "new_starts_at": "2026-12-08T11:00:00Z", "notify_customer": true });
    app.patch(&format!("/api/v2/bookings/{id}/reschedule"), moved).await.expect(200);
    app.at("2026-12-08T11:00:00Z");
    for step in ["start", "complete"] {
        app.post(&format!("/api/v2/bookings/{id}/{step}"), notify.clone()).await.expect(200);
    }
    let items = history(&app, &id).await;
    for item in &items[1..] {
        assert_eq!(item["data"]["notify_customer"], true, "{item:#}");
        let sentence = item["sentence"].as_str().unwrap();
        assert!(sentence.ends_with("The customer is to be notified."), "{sentence}");
    }
}

#[tokio::test]
async fn a_history_is_told_in_sentences_and_as_a_table() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let id = salon.booked(&app, "2026-12-08T10:00:00Z").await;
    let to = json!({ "new_starts_at": "2026-12-08T11:00:00Z", "reason": "the train, \"as ever\"",
                     "reason_code": "schedule_conflict" });
    let path = format!("/api/v2/bookings/{id}/reschedule");
    app.keyed("PATCH", &path, &[("On-Behalf-Of", "employee:a.7")], to).await.expect(200);
    let items = history(&app, &id).await;
    let expected = "Moved for the customer from 2026-12-08 11:00 to 2026-12-08 12:00 (Europe/Berlin) by \
                    API key \u{201c}test\u{201d} on behalf of employee a.7. Reason: schedule conflict, \
                    \u{201c}the train, \"as ever\"\u{201d}.";
    assert_eq!(items[1]["sentence"], expected);
    let table = app.get(&format!("/api/v2/bookings/{id}/history?format=csv")).await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    let mut reader = csv::Reader::from_reader(table.text.as_bytes());
    let columns: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!((columns[0].as_str(), columns[8].as_str()), ("position", "sentence"));
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!((rows.len(), &rows[1][8]), (2, expected));
}

#[tokio::test]
async fn who_may_not_read_customers_sees_no_notes_references_and_reasons_anywhere() {
    let mut app = TestApp::new().await;
    let salon = app.salon(minutes(30)).await;
    let secrets = ["she is pregnant", "ref-4711", "call-0815", "because of mother"];
    let mut booking = salon.booking("2026-12-08T10:00:00Z");
    booking["notes"] = json!(secrets[0]);
    booking["external_ref"] = json!(secrets[1]);
    booking["call_id"] = json!(secrets[2]);
    let booked = app.post("/api/v2/bookings", booking).await;
    let receipt = booked.headers["daybook-receipt"].to_str().unwrap().to_owned();
    let position = booked.headers["daybook-position"].to_str().unwrap().to_owned();
    let id = booked.expect(201)["appointment_id"].as_str().unwrap().to_owned();
    let moved = json!({ "new_starts_at": "2026-12-08T11:00:00Z", "reason": secrets[3] });
    app.patch(&format!("/api/v2/bookings/{id}/reschedule"), moved).await.expect(200);
    app.app.runner.settle().await.unwrap();
    app.app.receipts.flush().await;
    let paths = [
        format!("/api/v2/bookings/{id}"),
        "/api/v2/bookings".to_owned(),
        format!("/api/v2/bookings?as_of={position}"),
        format!("/api/v2/bookings/{id}/history"),
        format!("/api/v2/bookings/{id}/history?format=csv"),
        "/api/v2/events?limit=1000".to_owned(),
        "/api/v2/receipts".to_owned(),
        format!("/api/v2/receipts/{receipt}"),
    ];
    let all = async |app: &TestApp| {
        let mut text = String::new();
        for path in &paths {
            let answer = app.get(path).await;
            assert_eq!(answer.status.as_u16(), 200, "{path}");
            text.push_str(&answer.text);
        }
        text
    };
    let seen = all(&app).await;
    for secret in secrets {
        assert!(seen.contains(secret), "{secret} is shown to who may read customers");
    }
    let scopes = ["bookings:read", "events:read", "history:read", "receipts:read"];
    app.key = app.sibling_key(&scopes).await;
    let seen = all(&app).await;
    for secret in secrets {
        assert!(!seen.contains(secret), "{secret} is shown to who may not read customers");
    }
    for path in ["/api/v2/customers", &format!("/api/v2/customers/{}/export", salon.customer)] {
        assert_eq!(app.get(path).await.status.as_u16(), 403, "{path}");
    }
}
