//! One customer per number, and customers who are forgotten.

use serde_json::json;

use super::{TestApp, minutes};

#[tokio::test]
async fn one_number_written_three_ways_is_one_customer() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let with = |phone: &str| json!({ "company_id": salon.company, "name": "Eva", "phone": phone });
    let eva = app.made("customers", with("+49 151 1234567")).await;
    let body = app.get(&format!("/api/v2/customers/{eva}")).await.expect(200);
    assert_eq!(body["phone"], "+491511234567");
    for phone in ["0151 123-4567", "0049 151 1234567"] {
        let answer = app.post("/api/v2/customers", with(phone)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "PHONE_TAKEN"));
        assert_eq!(answer.body["error"]["details"]["owner"], json!(eva));
    }
}

#[tokio::test]
async fn a_forgotten_customer_is_unreadable_and_the_number_is_free_again() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("/api/v2/customers/{}", salon.customer);
    app.app.runner.settle().await.unwrap();
    app.post(&format!("{path}/erase"), json!({})).await.expect(200);
    app.app.runner.settle().await.unwrap();
    let body = app.get(&path).await.expect(200);
    assert_eq!(
        (&body["is_erased"], &body["name"], &body["phone"]),
        (&json!(true), &json!(null), &json!(null))
    );
    let list = app.get("/api/v2/customers").await.expect(200);
    assert!(!list.to_string().contains("Max") && !list.to_string().contains("15112345678"));
    let again = json!({ "company_id": salon.company, "name": "New", "phone": "0151 12345678" });
    app.made("customers", again).await;
    let refused = app.post("/api/v2/bookings", salon.booking("2026-12-02T10:00:00+01:00")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "INACTIVE"));
}

#[tokio::test]
async fn an_outside_reference_belongs_to_one_customer_and_one_booking() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let with = |phone: &str, reference: &str| json!({ "company_id": salon.company, "phone": phone, "external_ref": reference });
    let eva = app.made("customers", with("0151 1111111", "crm-1")).await;
    let taken = app.post("/api/v2/customers", with("0151 2222222", "crm-1")).await;
    assert_eq!((taken.status.as_u16(), taken.code()), (409, "EXTERNAL_REF_TAKEN"));
    assert_eq!(taken.body["error"]["details"]["owner"], json!(eva));
    let other = json!({ "phone": "0151 1111111", "external_ref": "crm-2" });
    app.put(&format!("/api/v2/customers/{eva}"), other).await.expect(200);
    app.made("customers", with("0151 2222222", "crm-1")).await;
    app.app.runner.settle().await.unwrap();
    let found = app.get("/api/v2/customers?external_ref=crm-2").await.expect(200);
    assert_eq!(found["items"][0]["customer_id"], json!(eva));
    let book = |hour: u8| {
        let mut booking = salon.booking(&format!("2026-12-02T{hour}:00:00+01:00"));
        booking["external_ref"] = json!("booking-1");
        booking
    };
    let booked = app.post("/api/v2/bookings", book(10)).await.expect(201);
    let taken = app.post("/api/v2/bookings", book(12)).await;
    assert_eq!((taken.status.as_u16(), taken.code()), (409, "EXTERNAL_REF_TAKEN"));
    app.app.runner.settle().await.unwrap();
    let found = app.get("/api/v2/bookings?external_ref=booking-1").await.expect(200);
    assert_eq!(found["items"][0]["appointment_id"], booked["appointment_id"]);
}

#[tokio::test]
async fn numbers_that_a_customer_has_had_are_free_however_changes_overlap() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("/api/v2/customers/{}", salon.customer);
    let change = async |phone: &str| {
        app.put(&path, json!({ "name": "Max", "phone": phone })).await.expect(200);
    };
    for round in 0..3 {
        let phones = [1, 2, 3].map(|it| format!("0151 123451{round}{it}"));
        tokio::join!(change(&phones[0]), change(&phones[1]), change(&phones[2]));
        change("0151 12345678").await;
        for phone in phones {
            app.made("customers", json!({ "company_id": salon.company, "phone": phone })).await;
        }
    }
}
