//! Zones, currencies, countries and languages as the standards name them.

use serde_json::json;

use super::{TestApp, minutes};

#[tokio::test]
async fn what_no_standard_lists_is_refused_by_name() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let company = |currency: &str| json!({ "name": "X", "zone": "UTC", "currency": currency, "phone_region": "DE" });
    let address = json!({ "street": "A 1", "postal_code": "1", "city": "B", "country": "Germany" });
    let branch =
        json!({ "company_id": salon.company, "name": "X", "zone": "UTC", "address": address });
    let customer =
        json!({ "company_id": salon.company, "phone": "0171 2345678", "language": "german!" });
    for (kind, body, field) in [
        ("companies", company("QQQ"), "currency"),
        ("companies", company("XAU"), "currency"),
        ("branches", branch, "address.country"),
        ("customers", customer, "language"),
    ] {
        let refused = app.post(&format!("/api/v2/{kind}"), body).await;
        assert_eq!(refused.status.as_u16(), 400, "{kind} {:#}", refused.body);
        assert_eq!(refused.body["errors"][0]["field"], field, "{:#}", refused.body);
    }
    let yen = app.made("companies", company("JPY")).await;
    let yen = app.get(&format!("/api/v2/companies/{yen}")).await.expect(200);
    assert_eq!((&yen["currency"], &yen["currency_digits"]), (&json!("JPY"), &json!(0)));
    let customer =
        json!({ "company_id": salon.company, "phone": "0171 2345678", "language": "DE_at" });
    let customer = app.made("customers", customer).await;
    let customer = app.get(&format!("/api/v2/customers/{customer}")).await.expect(200);
    assert_eq!(customer["language"], "de-AT");
}

#[tokio::test]
async fn a_legacy_zone_is_recorded_by_its_name_and_breaks_no_report() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let branch = json!({ "company_id": salon.company, "name": "Venice", "zone": "US/Pacific" });
    let branch = app.made("branches", branch).await;
    let day = json!({ "open": [{ "from": "09:00", "to": "18:00" }] });
    let hours = json!({ "weekly": { "1": day, "2": day, "3": day, "4": day, "5": day } });
    app.put(&format!("/api/v2/branches/{branch}/hours"), hours).await.expect(200);
    let staff = json!({ "company_id": salon.company, "name": "Zoe", "branches": [branch], "zone": "US/Pacific" });
    let staff = app.made("staff", staff).await;
    let cell = json!({ "service_id": salon.service, "assignment": { "staff_id": staff } });
    let assign = json!({ "assign": [cell] });
    app.post("/api/v2/staff-service-assignments", assign).await.expect(200);
    for path in [format!("/api/v2/branches/{branch}"), format!("/api/v2/staff/{staff}")] {
        assert_eq!(app.get(&path).await.expect(200)["zone"], "America/Los_Angeles", "{path}");
    }
    // Five in the evening there, the next day in UTC.
    let mut booking = salon.booking("2026-12-02T17:00:00-08:00");
    (booking["branch_id"], booking["staff_id"]) = (json!(branch), json!(staff));
    app.post("/api/v2/bookings", booking).await.expect(201);
    app.app.runner.settle().await.unwrap();
    let path = "/api/v2/reports/utilisation?by=hour&from=2026-12-02&to=2026-12-02";
    let report = app.get(&format!("{path}&branch_id={branch}")).await.expect(200);
    let booked: Vec<_> = report["items"].as_array().unwrap().iter().collect();
    let booked: Vec<_> = booked.iter().filter(|row| row["booked_min"] != 0).collect();
    assert_eq!(
        (booked.len(), &booked[0]["hour"], &booked[0]["booked_min"]),
        (1, &json!(17), &json!(60))
    );
}
