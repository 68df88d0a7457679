//! What a person is given of what is kept of them.

use serde_json::{Value, json};

use super::{DAY, TOMORROW, leaving, of};
use crate::http::{Salon, TestApp, minutes};

/// A customer of whom something of every kind is kept.
async fn known() -> (TestApp, Salon) {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let path = of(&salon);
    let contact = json!({ "name": "Max \"M\" Muster,\nBerlin", "phone": "0151 12345678",
        "email": "max@example.com", "external_ref": "crm-1" });
    app.put(&path, contact).await.expect(200);
    for is_given in [true, false] {
        let consent = json!({ "is_given": is_given });
        app.put(&format!("{path}/consents/marketing"), consent).await.expect(200);
    }
    app.post(&format!("{path}/notes"), json!({ "text": "likes tea" })).await.expect(201);
    let mut booking = salon.booking(TOMORROW);
    booking["notes"] = json!("window seat");
    let booked = app.post("/api/v2/bookings", booking).await.expect(201);
    let booked = format!("/api/v2/bookings/{}", booked["appointment_id"].as_str().unwrap());
    let moved = json!({ "new_starts_at": "2026-12-02T15:00:00+01:00", "reason": "train" });
    app.patch(&format!("{booked}/reschedule"), moved).await.expect(200);
    app.post(&format!("{booked}/cancel"), json!({ "reason": "ill" })).await.expect(200);
    (app, salon)
}

async fn export(app: &TestApp, salon: &Salon) -> Value {
    app.get(&format!("{}/export", of(salon))).await.expect(200)
}

#[tokio::test]
async fn a_person_is_told_everything_that_is_kept() {
    let (app, salon) = known().await;
    leaving(&app, &salon).await;
    let answer = app.get(&format!("{}/export?format=json", of(&salon))).await;
    let name = format!("attachment; filename=\"customer-{}.json\"", salon.customer);
    assert_eq!(answer.headers["content-disposition"], name.as_str());
    let told = answer.expect(200);
    assert_eq!(
        (&told["erased"], &told["erasure"]["due_at"]),
        (&json!(false), &json!("2026-12-31T07:00:00Z"))
    );
    let names = |at: usize| told["contacts"][at]["name"].clone();
    assert_eq!((names(0), names(1)), (json!("Max"), json!("Max \"M\" Muster,\nBerlin")));
    assert_eq!(told["contacts"][1]["external_ref"], "crm-1");
    let consents: Vec<_> =
        told["consents"].as_array().unwrap().iter().map(|it| it["is_given"].clone()).collect();
    assert_eq!(consents, [json!(true), json!(false)]);
    assert_eq!(told["notes"][0]["text"], "likes tea");
    let appointment = &told["appointments"][0];
    assert_eq!(
        (&appointment["notes"], &appointment["status"]),
        (&json!("window seat"), &json!("cancelled"))
    );
    assert_eq!(appointment["phases"][0]["key"], "A");
    let changes = appointment["modifications"].as_array().unwrap();
    let said: Vec<_> =
        changes.iter().map(|it| (it["what"].clone(), it["reason"].clone())).collect();
    assert_eq!(said, [(json!("rescheduled"), json!("train")), (json!("cancelled"), json!("ill"))]);
}

#[tokio::test]
async fn the_export_tells_the_same_journey_as_the_read_model() {
    let (app, salon) = known().await;
    let booked = salon.booked(&app, "2026-12-03T10:00:00+01:00").await;
    app.at("2026-12-03T09:00:00Z");
    for step in ["start", "complete"] {
        app.post(&format!("/api/v2/bookings/{booked}/{step}"), json!({})).await.expect(200);
    }
    app.app.runner.settle().await.unwrap();
    let shown = app.get(&format!("{}/journey", of(&salon))).await.expect(200);
    let told = export(&app, &salon).await["journey"].clone();
    for (of_export, of_model) in [
        ("stage", "stage"),
        ("engagement", "engagement"),
        ("booked", "booked_count"),
        ("completed", "completed_count"),
        ("cancelled", "cancellation_count"),
        ("missed", "no_show_count"),
        ("spent_minor", "spent_minor"),
        ("history", "history"),
    ] {
        assert_eq!(told[of_export], shown[of_model], "{of_export}");
    }
    assert_eq!(told["spent_minor"], 4500);
}

/// How many values there are in a document.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}

#[tokio::test]
async fn the_table_holds_every_value_of_the_document() {
    let (app, salon) = known().await;
    let answer = app.get(&format!("{}/export?format=csv", of(&salon))).await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert!(answer.text.starts_with("section,record,field,value\r\n"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let value = |section: &str, record: &str, field: &str| {
        let mut found = rows.iter().filter(|row| row[..3] == [section, record, field]);
        let value = found.next().map(|row| row[3].clone());
        assert!(found.next().is_none(), "{section} {record} {field} comes twice");
        value
    };
    let told = |section, record, field| value(section, record, field).unwrap();
    assert_eq!(told("contacts", "2", "name"), "Max \"M\" Muster,\nBerlin");
    assert_eq!(told("appointments", "1", "modifications.2.reason"), "ill");
    assert_eq!(told("appointments", "1", "price.amount_minor"), "4500");
    assert_eq!(told("journey", "1", "cancelled"), "1");
    assert_eq!(told("person", "1", "erased"), "false");
    assert_eq!(value("erasure", "1", "due_at"), None);
    assert_eq!(rows.len(), leaves(&export(&app, &salon).await));
}

#[tokio::test]
async fn of_the_forgotten_ids_dates_and_amounts_are_left() {
    let (app, salon) = known().await;
    leaving(&app, &salon).await;
    app.app.runner.settle().await.unwrap();
    app.later(30 * DAY);
    app.app.eraser.turn().await.unwrap();
    let told = export(&app, &salon).await;
    assert_eq!((&told["erased"], &told["contacts"][1]["name"]), (&json!(true), &Value::Null));
    assert_eq!(told["appointments"][0]["price"]["amount_minor"], 4500);
    let text = told.to_string();
    for said in ["Muster", "12345678", "example.com", "crm-1", "tea", "window", "train", "ill\""] {
        assert!(!text.contains(said), "{said}: {text}");
    }
}
