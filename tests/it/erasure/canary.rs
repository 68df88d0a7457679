//! Whoever was forgotten is found nowhere: in no row of any table, in no answer, in no export, in no line
//! of the log of the process, in no backup. The person is made of texts that nothing else holds.

use daybook_domain::ids::TenantId;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    DAY, backup,
    search::{self, MARK, PHONE},
    tools,
    traces::Traces,
};
use crate::http::{Salon, TestApp, minutes, webhook_receiver::Receiver};

/// Everything that is said of a customer by whoever may say something.
struct Story {
    app: TestApp,
    salon: Salon,
    customer: String,
    first: String,
    receiver: Receiver,
    endpoints: Vec<String>,
}

fn said(what: &str) -> String {
    format!("{what} {MARK} {what}")
}

impl Story {
    async fn told() -> Self {
        let app = TestApp::new().await;
        let salon = app.salon(minutes(60)).await;
        let receiver = Receiver::new().await;
        let mut endpoints = Vec::new();
        for include_personal in [true, false] {
            let wish = json!({ "include_personal": include_personal });
            endpoints.push(receiver.endpoint(&app, wish).await.0);
        }
        let mut it =
            Self { app, salon, customer: String::new(), first: String::new(), receiver, endpoints };
        it.customer = it.registers().await;
        it.first = it.books_and_changes().await;
        it.comes_as_a_guest().await;
        it.is_searched_for().await;
        it.app.app.runner.settle().await.unwrap();
        it.app.app.webhooks.turn().await.unwrap();
        it.app.app.receipts.flush().await;
        it
    }

    async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        self.app.post(path, body).await.expect(status)
    }

    async fn registers(&self) -> String {
        let person = json!({ "company_id": self.salon.company, "name": said("old name"),
            "phone": "0151 98700012", "email": format!("old@{MARK}.example"),
            "external_ref": format!("old-crm-{MARK}") });
        let key = [("idempotency-key", "register-once")];
        let send = || self.app.keyed("POST", "/api/v2/customers", &key, person.clone());
        let made = send().await.expect(201);
        assert_eq!(send().await.expect(201), made, "the stored answer");
        let path = format!("/api/v2/customers/{}", made["id"].as_str().unwrap());
        let mut person = json!({ "name": said("name"), "phone": PHONE, "language": "de",
            "email": format!("me@{MARK}.example"), "external_ref": format!("crm-{MARK}") });
        self.app.put(&path, person.clone()).await.expect(200);
        person["dry_run"] = json!(true);
        self.app.put(&path, person).await.expect(200);
        let consent = json!({ "is_given": true });
        self.app.put(&format!("{path}/consents/marketing"), consent).await.expect(200);
        let note = json!({ "text": said("note"), "kind": "medical", "is_pinned": true });
        self.post(&format!("{path}/notes"), note, 201).await;
        made["id"].as_str().unwrap().to_owned()
    }

    fn booking(&self, starts_at: &str) -> Value {
        let mut booking = self.salon.booking(starts_at);
        booking["customer_id"] = json!(self.customer);
        booking["notes"] = json!(said("wish"));
        booking
    }

    async fn books_and_changes(&self) -> String {
        let mut booking = self.booking("2026-12-02T10:00:00+01:00");
        booking["external_ref"] = json!(format!("booking-{MARK}"));
        booking["call_id"] = json!(format!("call-{MARK}"));
        let made = self.post("/api/v2/bookings", booking.clone(), 201).await;
        // Refused, tried only, and wrong: receipts and answers of these are kept or not, too.
        self.post("/api/v2/bookings", booking.clone(), 409).await;
        let mut taken = self.booking("2026-12-02T12:00:00+01:00");
        taken["external_ref"] = booking["external_ref"].clone();
        self.post("/api/v2/bookings", taken, 409).await;
        let mut dry = self.booking("2026-12-02T14:00:00+01:00");
        dry["dry_run"] = json!(true);
        self.post("/api/v2/bookings", dry, 200).await;
        let wrong = json!({ "name": said("wrong"), "phone": said("no number") });
        self.app.put(&format!("/api/v2/customers/{}", self.customer), wrong).await.expect(400);
        let id = made["appointment_id"].as_str().unwrap().to_owned();
        let moved =
            json!({ "new_starts_at": "2026-12-02T15:00:00+01:00", "reason": said("moved") });
        self.app.patch(&format!("/api/v2/bookings/{id}/reschedule"), moved).await.expect(200);
        let off =
            self.post("/api/v2/bookings", self.booking("2026-12-03T10:00:00+01:00"), 201).await;
        let off = off["appointment_id"].as_str().unwrap();
        let reason = json!({ "reason": said("ill") });
        self.post(&format!("/api/v2/bookings/{off}/cancel"), reason, 200).await;
        let mut series = self.booking("");
        series.as_object_mut().unwrap().remove("starts_at");
        series["zone"] = json!("Europe/Berlin");
        series["rrule"] = json!("FREQ=WEEKLY;COUNT=4");
        series["starts_at_local"] = json!("2026-12-08T10:00:00");
        let series = self.post("/api/v2/series", series, 201).await;
        let series = series["series"]["series_id"].as_str().unwrap();
        let skip = format!("/api/v2/series/{series}/occurrences/2/skip");
        self.post(&skip, json!({ "reason": said("skipped") }), 200).await;
        id
    }

    async fn comes_as_a_guest(&self) {
        let mut place = self.salon.booking("2026-12-04T10:00:00+01:00");
        place.as_object_mut().unwrap().remove("customer_id");
        let hold = self.post("/api/v2/holds", place.clone(), 201).await;
        let guest =
            json!({ "name": said("guest"), "phone": PHONE, "email": format!("g@{MARK}.de") });
        let held = json!({ "hold_token": hold["hold_token"], "customer": guest });
        let made = self.post("/api/v2/bookings", held, 201).await;
        assert_eq!(made["booking"]["customer_id"], json!(self.customer), "found by the number");
        place["starts_at"] = json!("2026-12-04T12:00:00+01:00");
        place["customer"] = guest;
        self.post("/api/v2/bookings", place, 201).await;
    }

    async fn is_searched_for(&self) {
        for query in [
            format!("/api/v2/customers?name=name%20{MARK}"),
            format!("/api/v2/customers?phone=%2B{PHONE}"),
            format!("/api/v2/customers?email=me@{MARK}.example"),
            format!("/api/v2/customers?external_ref=crm-{MARK}"),
            format!("/api/v2/bookings?external_ref=booking-{MARK}"),
        ] {
            self.app.get(&query).await.expect(200);
        }
        let start = json!({ "branch_id": self.salon.branch, "service_id": self.salon.service,
            "staff_id": self.salon.staff[0], "starts_at": "2026-12-04T12:00:00+01:00" });
        self.post("/api/v2/availability/explain", start, 200).await;
    }

    /// The grace passes, and the job does its work.
    async fn is_forgotten(&self) {
        let path = format!("/api/v2/customers/{}/erasure", self.customer);
        self.post(&path, json!({}), 200).await;
        self.app.app.runner.settle().await.unwrap();
        self.app.later(30 * DAY);
        assert_eq!(self.app.app.eraser.turn().await.unwrap().erased, 1);
        self.app.app.runner.settle().await.unwrap();
    }

    /// What is answered about the customer, and about everything.
    async fn answers(&self) -> String {
        let (customer, first) = (&self.customer, &self.first);
        let mut paths = vec![
            format!("/api/v2/customers/{customer}"),
            format!("/api/v2/customers/{customer}/journey"),
            "/api/v2/customers?erasure=any".to_owned(),
            "/api/v2/bookings?limit=100".to_owned(),
            "/api/v2/bookings?limit=100&as_of=2026-12-01T07:00:00Z".to_owned(),
            format!("/api/v2/bookings/{first}"),
            format!("/api/v2/bookings/{first}/history"),
            "/api/v2/events?limit=1000&include_personal=true".to_owned(),
            "/api/v2/receipts?limit=100".to_owned(),
            "/api/v2/reports/modifications".to_owned(),
            "/api/v2/reports/violations".to_owned(),
        ];
        for endpoint in &self.endpoints {
            paths.extend([endpoint.clone(), format!("{endpoint}/deliveries?limit=100")]);
        }
        let mut all = String::new();
        for path in paths {
            all.push_str(&self.app.get(&path).await.expect(200).to_string());
        }
        // What is sent again is made anew.
        self.receiver.journal();
        for endpoint in &self.endpoints {
            self.post(&format!("{endpoint}/replay"), json!({ "after": 0 }), 200).await;
        }
        self.app.app.webhooks.turn().await.unwrap();
        let again = self.receiver.journal();
        assert!(40 < again.len(), "{} messages came again", again.len());
        for message in again {
            all.push_str(&message.body().to_string());
        }
        all
    }

    /// What is counted and summed up.
    async fn sums(&self) -> Vec<Value> {
        let mut sums = Vec::new();
        for path in [
            format!("/api/v2/customers/{}/journey", self.customer),
            "/api/v2/reports/utilisation?by=staff&from=2026-12-01&to=2026-12-31".to_owned(),
            "/api/v2/reports/modifications".to_owned(),
            "/api/v2/reports/violations".to_owned(),
        ] {
            let mut answer = self.app.get(&path).await.expect(200);
            for moment in ["stage", "stage_since", "history", "engagement"] {
                answer.as_object_mut().unwrap().remove(moment);
            }
            sums.push(answer);
        }
        sums
    }
}

#[tokio::test]
async fn nothing_that_was_said_of_the_forgotten_is_left_anywhere() {
    let traces = Traces::begin();
    let story = Story::told().await;
    let owner = PgPool::connect_with(story.app.database.options.clone()).await.unwrap();
    let tenant = tools::tenant(&story.app).await;
    tools::run(&story.app, tenant, &["rebuild"]).await;
    assert!(!search::found(&owner).await.is_empty(), "the search finds the person who is there");
    assert!(story.answers().await.contains(MARK));
    let (sums, backup) = (story.sums().await, backup::dump(&story.app.database).await);

    story.is_forgotten().await;

    assert_eq!(search::found(&owner).await, Vec::<String>::new());
    search::assert_absent(&story.answers().await, "the answers");
    assert_eq!(story.sums().await, sums);
    for (what, text) in tools::exports(&story.app, tenant).await {
        search::assert_absent(&text, &what);
    }
    tools::run(&story.app, tenant, &["verify"]).await;
    tools::run(&story.app, tenant, &["rebuild"]).await;
    assert_eq!(search::found(&owner).await, Vec::<String>::new());
    backup.is_unreadable(TenantId::new(tenant)).await;
    let lines = traces.end();
    assert!(lines.contains("TRACE"), "the finest lines were taken down");
    search::assert_absent(&lines, "the lines of the process");
}
