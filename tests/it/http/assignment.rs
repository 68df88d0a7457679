//! Who is chosen when nobody is named.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Salon, TestApp, minutes};

impl TestApp {
    /// A salon of three whose service chooses by a strategy.
    async fn salon_that_chooses_by(&self, strategy: &str) -> Salon {
        let salon = self.salon(minutes(60)).await;
        let carla = json!({ "company_id": salon.company, "name": "Carla",
                            "branches": [salon.branch], "zone": "Europe/Berlin" });
        let mut staff = salon.staff.clone();
        staff.push(self.made("staff", carla).await);
        let rules = json!({ "assignment": { "strategy": strategy, "window_days": 14 } });
        let service = self.service(&salon.company, "Style", minutes(60), rules, &staff).await;
        Salon { service, staff, ..salon }
    }

    async fn booked_with_anybody(&self, salon: &Salon, starts_at: &str) -> Value {
        let mut wish = salon.booking(starts_at);
        wish.as_object_mut().unwrap().remove("staff_id");
        self.post("/api/v2/bookings", wish).await.expect(201)["booking"].clone()
    }
}

#[tokio::test]
async fn twelve_bookings_with_anybody_are_shared_out_evenly_and_each_says_why() {
    for strategy in ["primary", "least_busy", "priority"] {
        let app = TestApp::new().await;
        let salon = app.salon_that_chooses_by(strategy).await;
        let mut counts = BTreeMap::new();
        let dates = [2, 3, 4, 7, 8, 9, 10, 11, 14, 15, 16, 17];
        for date in dates {
            let at = format!("2026-12-{date:02}T10:00:00+01:00");
            let booking = app.booked_with_anybody(&salon, &at).await;
            let choice = &booking["assignment"];
            assert_eq!(choice["strategy"], strategy);
            assert_eq!(choice["free"], 3);
            assert_eq!(choice["candidates"][0]["staff_id"], booking["staff_id"]);
            *counts.entry(booking["staff_id"].to_string()).or_insert(0) += 1;
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [4, 4, 4], "{strategy}");
    }
}

#[tokio::test]
async fn the_receipt_and_the_explanation_say_who_was_chosen_and_why() {
    let app = TestApp::new().await;
    let salon = app.salon_that_chooses_by("priority").await;
    let cells = json!({ "assign": [{ "service_id": salon.service,
        "assignment": { "staff_id": salon.staff[2], "priority": 5 } }] });
    app.post("/api/v2/staff-service-assignments", cells).await.expect(200);
    let at = "2026-12-02T10:00:00+01:00";
    let explain = json!({ "service_id": salon.service, "branch_id": salon.branch,
                          "starts_at": at });
    let explained = app.post("/api/v2/availability/explain", explain).await.expect(200);
    let booking = app.booked_with_anybody(&salon, at).await;
    assert_eq!(booking["staff_id"], *salon.staff[2]);
    assert_eq!(explained["answer"]["choice"], booking["assignment"]);
    let receipts = app.get("/api/v2/receipts?status=201").await.expect(200);
    let receipt = &receipts["items"][0];
    let candidates = &receipt["answer"]["booking"]["assignment"]["candidates"];
    assert_eq!(candidates[0]["staff_id"], *salon.staff[2]);
    assert_eq!(candidates[0]["priority"], 5);
}
