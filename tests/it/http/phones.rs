//! Phone numbers as people type them.

use serde_json::{Value, json};

use super::{TestApp, minutes};

async fn phone(app: &TestApp, id: &str) -> (Value, Value, Value) {
    let mut body = app.get(&format!("/api/v2/customers/{id}")).await.expect(200);
    let [phone, extension, is_valid] =
        ["phone", "phone_extension", "phone_is_valid"].map(|field| body[field].take());
    (phone, extension, is_valid)
}

#[tokio::test]
async fn a_number_without_its_area_code_merges_nobody_and_is_refused() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for text in ["4567891", "253-0000", "110"] {
        let body = json!({ "company_id": salon.company, "name": "Eva", "phone": text });
        let refused = app.post("/api/v2/customers", body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "VALIDATION_ERROR"), "{text}");
        assert_eq!(refused.body["errors"][0]["field"], "phone", "{}", refused.body);
        let mut booking = salon.booking("2026-12-02T10:00:00+01:00");
        booking.as_object_mut().unwrap().remove("customer_id");
        booking["customer"] = json!({ "name": "Berta", "phone": text });
        let refused = app.post("/api/v2/bookings", booking).await;
        assert_eq!(refused.status.as_u16(), 400, "{text}");
        assert_eq!(refused.body["errors"][0]["field"], "customer.phone", "{}", refused.body);
    }
}

#[tokio::test]
async fn a_possible_number_is_accepted_and_marked_whether_it_is_valid() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let with = |phone: &str| json!({ "company_id": salon.company, "name": "Eva", "phone": phone });
    let possible = app.made("customers", with("+49 151 1234567")).await;
    assert_eq!(phone(&app, &possible).await, (json!("+491511234567"), Value::Null, json!(false)));
    let valid = app.made("customers", with("030 1234567 ext. 5")).await;
    assert_eq!(phone(&app, &valid).await, (json!("+49301234567"), json!("5"), json!(true)));
    // Another extension of the number is somebody else.
    app.made("customers", with("030 1234567 ext. 6")).await;
    let taken = app.post("/api/v2/customers", with("+49 30 1234567;ext=5")).await;
    assert_eq!((taken.status.as_u16(), taken.code()), (409, "PHONE_TAKEN"));
    app.app.runner.settle().await.unwrap();
    let found = app.get("/api/v2/customers?phone=030%201234567").await.expect(200);
    let extensions: Vec<_> =
        found["items"].as_array().unwrap().iter().map(|it| it["phone_extension"].clone()).collect();
    assert_eq!(extensions, [json!("5"), json!("6")]);
}

#[tokio::test]
async fn a_number_belongs_to_the_region_of_the_branch_then_of_the_company() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let vienna = json!({ "company_id": salon.company, "name": "Wien", "zone": "Europe/Vienna",
                         "phone_region": "AT" });
    let vienna = app.made("branches", vienna).await;
    let mut with = json!({ "company_id": salon.company, "name": "Eva", "phone": "0664 1234567" });
    let german = app.made("customers", with.clone()).await;
    assert_eq!(phone(&app, &german).await.0, "+496641234567");
    with["preferred_branch_id"] = json!(vienna);
    let austrian = app.made("customers", with).await;
    assert_eq!(phone(&app, &austrian).await.0, "+436641234567");
    for (kind, body) in [
        (
            "branches",
            json!({ "company_id": salon.company, "name": "X", "zone": "UTC", "phone_region": "QQ" }),
        ),
        (
            "companies",
            json!({ "name": "X", "zone": "UTC", "currency": "EUR", "phone_region": "AQ" }),
        ),
    ] {
        let refused = app.post(&format!("/api/v2/{kind}"), body).await;
        assert_eq!(refused.status.as_u16(), 400, "{kind}");
        assert_eq!(refused.body["errors"][0]["field"], "phone_region", "{}", refused.body);
    }
}
