//! Every change carries who made it, and for whom.

use serde_json::{Value, json};

use super::{TestApp, minutes};

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
