//! Reports: what is booked, changed and broken, and how far a customer has come.

use serde_json::{Value, json};

use super::{TestApp, minutes};

async fn settled(app: &TestApp, path: &str) -> Value {
    app.app.runner.settle().await.unwrap();
    app.get(path).await.expect(200)
}

#[tokio::test]
async fn utilisation_sets_booked_minutes_against_open_ones() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let kept = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let missed = salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
    let off = salon.booked(&app, "2026-12-02T14:00:00+01:00").await;
    app.post(&format!("/api/v2/bookings/{off}/cancel"), json!({})).await.expect(200);
    app.at("2026-12-02T15:00:00Z");
    app.post(&format!("/api/v2/bookings/{kept}/start"), json!({})).await.expect(200);
    app.post(&format!("/api/v2/bookings/{kept}/complete"), json!({})).await.expect(200);
    app.post(&format!("/api/v2/bookings/{missed}/no-show"), json!({})).await.expect(200);
    let range = "from=2026-12-02&to=2026-12-02";
    let body = settled(&app, &format!("/api/v2/reports/utilisation?by=staff&{range}")).await;
    let items = body["items"].as_array().unwrap();
    let booked: i64 = items.iter().map(|it| it["booked_min"].as_i64().unwrap()).sum();
    assert_eq!(booked, 120);
    let first = &items[0];
    let open = first["open_min"].as_i64().unwrap();
    assert!(0 < open && open <= 24 * 60, "{first}");
    let used = 1000 * first["booked_min"].as_i64().unwrap() / open;
    assert_eq!(first["utilisation_permille"], used);
    // A date that lies far behind has its hours, too.
    app.at("2027-02-20T15:00:00Z");
    let later = settled(&app, &format!("/api/v2/reports/utilisation?by=staff&{range}")).await;
    assert_eq!(later, body);
    let body = settled(&app, &format!("/api/v2/reports/utilisation?by=service&{range}")).await;
    let service = &body["items"][0];
    assert_eq!(service["id"], salon.service.as_str());
    let counts =
        ["appointments", "completed", "no_shows", "cancelled"].map(|it| service[it].clone());
    assert_eq!(counts, [2, 1, 1, 1].map(|it| json!(it)));
    assert_eq!((&service["no_show_permille"], &service["open_min"]), (&json!(500), &Value::Null));
    assert!(0 < service["revenue_minor"].as_i64().unwrap());
    let next = "from=2026-12-03&to=2026-12-04";
    let body = settled(&app, &format!("/api/v2/reports/utilisation?by=branch&{next}")).await;
    assert_eq!(body["items"], json!([]));
    for (query, field) in [("by=room", "by"), ("by=staff", "from")] {
        let path = format!("/api/v2/reports/utilisation?{query}&to=2026-12-02");
        let refused = app.get(&path).await.expect(400);
        assert_eq!(refused["errors"][0]["parameter"], field, "{refused}");
    }
    let backwards = "/api/v2/reports/utilisation?by=staff&from=2026-12-02&to=2026-12-01";
    assert_eq!(app.get(backwards).await.expect(400)["errors"][0]["parameter"], "to");
}

#[tokio::test]
async fn open_minutes_of_two_branches_at_once_count_once_by_staff_weekday_and_hour() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let zone = "Europe/Berlin";
    let branch = json!({ "company_id": salon.company, "name": "Nord", "zone": zone });
    let second = app.made("branches", branch).await;
    // From eight to twelve there, from nine to six here: ten hours, not thirteen.
    let day = json!({ "open": [{ "from": "08:00", "to": "12:00" }] });
    let hours = json!({ "weekly": { "1": day, "2": day, "3": day, "4": day, "5": day } });
    app.put(&format!("/api/v2/branches/{second}/hours"), hours).await.expect(200);
    let staff = json!({ "company_id": salon.company, "name": "Anna", "zone": zone,
        "branches": [salon.branch, second] });
    app.put(&format!("/api/v2/staff/{}", salon.staff[0]), staff).await.expect(200);
    // A Wednesday; half past ten to half past eleven, and an hour from twelve on.
    salon.booked(&app, "2026-12-02T10:30:00+01:00").await;
    salon.booked(&app, "2026-12-02T12:00:00+01:00").await;
    let report = async |query: &str| {
        let path = format!("/api/v2/reports/utilisation?from=2026-12-02&to=2026-12-02&{query}");
        settled(&app, &path).await["items"].clone()
    };
    let by_staff = report("by=staff").await;
    assert_eq!((&by_staff[0]["open_min"], &by_staff[0]["booked_min"]), (&json!(600), &json!(120)));
    let here = report(&format!("by=staff&branch_id={}", salon.branch)).await;
    assert_eq!(here[0]["open_min"], 540);
    // The other staff member works nine hours.
    let by_weekday = report(&format!("by=weekday&company_id={}", salon.company)).await;
    assert_eq!(by_weekday.as_array().unwrap().len(), 1);
    let sums = ["weekday", "open_min", "booked_min", "appointments"];
    assert_eq!(sums.map(|it| by_weekday[0][it].clone()), [3, 1140, 120, 2].map(|it| json!(it)));
    let by_hour = report("by=hour").await;
    let rows = by_hour.as_array().unwrap().iter();
    let rows: Vec<_> =
        rows.map(|row| ["hour", "booked_min", "open_min"].map(|it| row[it].clone())).collect();
    let expected = [[8, 0, 60], [9, 0, 120], [10, 30, 120], [11, 30, 120], [12, 60, 120]];
    assert_eq!((rows.len(), &rows[..5]), (10, &expected.map(|row| row.map(|it| json!(it)))[..]));
}

/// AT-43, AT-61.
#[tokio::test]
async fn changes_are_counted_and_a_customer_comes_along() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let journey = format!("/api/v2/customers/{}/journey", salon.customer);
    assert_eq!(settled(&app, &journey).await["stage"], "lead");
    let id = salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    assert_eq!(settled(&app, &journey).await["stage"], "prospect");
    for hour in ["11", "12"] {
        let to = json!({ "new_starts_at": format!("2026-12-02T{hour}:00:00+01:00") });
        app.patch(&format!("/api/v2/bookings/{id}/reschedule"), to).await.expect(200);
    }
    // Five hours before: too late under the terms.
    app.at("2026-12-02T06:00:00Z");
    app.post(&format!("/api/v2/bookings/{id}/cancel"), json!({})).await.expect(200);
    let page = settled(&app, "/api/v2/reports/modifications").await;
    let totals = &page["items"][0];
    assert_eq!(totals["customer_id"], salon.customer.as_str());
    let counts = ["modifications", "reschedules", "cancellations"].map(|it| totals[it].clone());
    assert_eq!(counts, [3, 2, 1].map(|it| json!(it)));
    let few = app.get("/api/v2/reports/modifications?min_count=4").await.expect(200);
    assert_eq!(few["items"], json!([]));
    let broken = app.get("/api/v2/reports/violations").await.expect(200);
    assert_eq!(
        broken["items"].as_array().unwrap().len() as u64,
        totals["violations"].as_u64().unwrap()
    );
    for (kept, day, stage) in [(1, 7, "customer"), (2, 8, "customer"), (3, 9, "regular")] {
        let id = salon.booked(&app, &format!("2026-12-0{day}T10:00:00+01:00")).await;
        app.at(&format!("2026-12-0{day}T10:00:00Z"));
        app.post(&format!("/api/v2/bookings/{id}/start"), json!({})).await.expect(200);
        app.post(&format!("/api/v2/bookings/{id}/complete"), json!({})).await.expect(200);
        let body = settled(&app, &journey).await;
        assert_eq!((&body["stage"], &body["completed_count"]), (&json!(stage), &json!(kept)));
    }
    let body = app.get(&journey).await.expect(200);
    let stages: Vec<_> =
        body["history"].as_array().unwrap().iter().map(|it| it["stage"].clone()).collect();
    assert_eq!(stages, ["lead", "prospect", "customer", "regular"]);
    assert!(0 < body["spent_minor"].as_i64().unwrap());
    app.at("2027-04-15T10:00:00Z");
    let silent = app.get(&journey).await.expect(200);
    assert_eq!(silent["stage"], "at_risk");
    assert_eq!(silent["history"].as_array().unwrap().len(), 5);
    let other = app.tenant(&["admin"]).await;
    let answer = app.send(&other, ("GET", &journey), &[], None).await;
    assert_eq!(answer.status.as_u16(), 404);
}
