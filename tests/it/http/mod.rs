//! Stories over the real router and a real PostgreSQL, with a clock that stands still.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod access;
mod availability;
mod bad_requests;
mod bookings;
mod changes;
mod customers;
mod document;
mod events;
mod idempotency;
mod look_back;
mod metrics;
mod newcomers;
mod openapi;
mod rate_limits;
mod read_your_writes;
mod receipts;
mod reports;
mod series;
mod unreadable;
mod webhook_faults;
pub(crate) mod webhook_receiver;
mod webhooks;
mod who;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::{
    api_keys::NewKey,
    clock::{Clock, RandomIds},
    testing::TestDatabase,
    vault::MasterKey,
};
use daybook_api::{
    router,
    state::{A_MOMENT, App, AppState, Parts},
};
use daybook_domain::{
    commands::One,
    dispatch::CommandContext,
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A Tuesday morning in Berlin.
pub(crate) const NOW: &str = "2026-12-01T07:00:00Z";

/// The one kind of answer that no schema is drawn for.
const CSV: &str = "text/csv; charset=utf-8";

/// A clock that stands still until it is set.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// What came, as it came.
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// A running API with one tenant.
pub(crate) struct TestApp {
    pub(crate) app: App,
    router: Router,
    clock: Arc<TestClock>,
    key: String,
    /// What `/api/openapi.json` says; every answer is held against it.
    pub(crate) document: Value,
    pub(crate) database: TestDatabase,
}

/// What most stories need: a company with a branch, staff, a service and a customer.
pub(crate) struct Salon {
    pub(crate) company: String,
    pub(crate) branch: String,
    pub(crate) staff: Vec<String>,
    pub(crate) service: String,
    pub(crate) customer: String,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(0, true, A_MOMENT).await
    }

    /// With the limits as they are.
    pub(crate) async fn limited() -> Self {
        Self::with(1, true, A_MOMENT).await
    }

    /// Whose webhooks go to public addresses only, as in production.
    pub(crate) async fn guarded() -> Self {
        Self::with(0, false, A_MOMENT).await
    }

    /// Where a busy machine makes nobody give up waiting for a read model.
    pub(crate) async fn patient() -> Self {
        Self::with(0, true, Duration::from_secs(20)).await
    }

    async fn with(rate_limit_factor: u32, allow_private: bool, moment: Duration) -> Self {
        let database = TestDatabase::new().await;
        let at = NOW.parse::<DateTime<Utc>>().unwrap().timestamp_millis();
        let clock = Arc::new(TestClock(AtomicI64::new(at)));
        let process = (rate_limit_factor, allow_private, moment);
        let app = process_on(&database, clock.clone(), process).await;
        let router = router(app.clone());
        let mut it =
            Self { app, router, clock, key: String::new(), document: Value::Null, database };
        it.document = it.send("", ("GET", "/api/openapi.json"), &[], None).await.expect(200);
        it.key = it.tenant(&["admin"]).await;
        it
    }

    /// Another process on the same database; its document, key and clock are those of this one.
    pub(crate) async fn other_process(&self) -> Router {
        router(process_on(&self.database, self.clock.clone(), (0, true, A_MOMENT)).await)
    }

    /// Sends a request to a router of one's own with the key of the tenant.
    pub(crate) async fn post_to(&self, router: &Router, path: &str, body: Value) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, 16 * 1024 * 1024).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, body, text }
    }

    /// Opens a tenant and answers a key of it.
    pub(crate) async fn tenant(&self, scopes: &[&str]) -> String {
        let tenant = TenantId::new(RandomIds.next_id());
        self.app.dispatcher.log().open_tenant(tenant).await.unwrap();
        let (now, ids) = (self.clock.now(), self.app.ids.clone());
        let context = CommandContext::system(tenant, "test", now, ids);
        let command = TenantCommand::Open { name: "Test".to_owned() };
        let open = One::<Tenant> { id: tenant.uuid(), command, expected: None };
        self.app.dispatcher.run(&context, &open).await.unwrap();
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let new = NewKey { name: "test".to_owned(), scopes, expires_at: now + TimeDelta::days(90) };
        let issued = self.app.keys.create(&context, RandomIds.next_id(), new).await.unwrap();
        issued.key.unwrap().expose_secret().to_owned()
    }

    /// Sets the clock.
    pub(crate) fn at(&self, instant: &str) {
        let instant = instant.parse::<DateTime<Utc>>().unwrap();
        self.clock.0.store(instant.timestamp_millis(), Ordering::SeqCst);
    }

    /// Sets the clock forward.
    pub(crate) fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) async fn send(
        &self,
        key: &str,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, Body::from);
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, 16 * 1024 * 1024).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = parts.status.as_u16();
        let is_json = parts.headers.get("content-type").is_none_or(|kind| kind != CSV);
        let fault = document::operation(&self.document, method, path)
            .filter(|_| is_json)
            .and_then(|operation| document::fault(&self.document, operation, status, &body));
        assert_eq!(fault, None, "{method} {path} {status}\n{body:#}");
        Answer { status: parts.status, headers: parts.headers, body, text }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(&self.key, ("POST", path), &[], Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(&self.key, ("PUT", path), &[], Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(&self.key, ("PATCH", path), &[], Some(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str, body: Value) -> Answer {
        self.send(&self.key, ("DELETE", path), &[], Some(body.to_string())).await
    }

    /// With the key of the tenant, and headers of one's own.
    pub(crate) async fn keyed(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        self.send(&self.key, (method, path), headers, Some(body.to_string())).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&self.key, ("GET", path), &[], None).await
    }

    /// Registers something and answers its id.
    pub(crate) async fn made(&self, kind: &str, body: Value) -> String {
        let body = self.post(&format!("/api/v2/{kind}"), body).await.expect(201);
        body["id"].as_str().unwrap().to_owned()
    }

    /// A salon with two staff members who work from nine to six, and a service of these phases.
    pub(crate) async fn salon(&self, phases: Value) -> Salon {
        let company = self
            .made(
                "companies",
                json!({ "name": "Salon", "zone": "Europe/Berlin", "currency": "EUR",
                        "phone_region": "DE" }),
            )
            .await;
        let branch = json!({ "company_id": company, "name": "Mitte", "zone": "Europe/Berlin" });
        let branch = self.made("branches", branch).await;
        let day = json!({ "open": [{ "from": "09:00", "to": "18:00" }] });
        let weekly = json!({ "1": day, "2": day, "3": day, "4": day, "5": day });
        let hours = json!({ "weekly": weekly });
        self.put(&format!("/api/v2/branches/{branch}/hours"), hours).await.expect(200);
        let mut staff = Vec::new();
        for name in ["Anna", "Bela"] {
            let body = json!({ "company_id": company, "name": name, "branches": [branch],
                               "zone": "Europe/Berlin" });
            staff.push(self.made("staff", body).await);
        }
        let service = self.service(&company, "Cut", phases, json!({}), &staff).await;
        let customer = json!({ "company_id": company, "name": "Max", "phone": "0151 12345678" });
        let customer = self.made("customers", customer).await;
        Salon { company, branch, staff, service, customer }
    }

    pub(crate) async fn service(
        &self,
        company: &str,
        name: &str,
        phases: Value,
        rules: Value,
        staff: &[String],
    ) -> String {
        let service = json!({ "company_id": company, "name": name, "phases": phases,
            "price": { "amount_minor": 4500, "currency": "EUR" }, "rules": rules });
        let service = self.made("services", service).await;
        let cells = staff.iter().map(
            |staff_id| json!({ "service_id": service, "assignment": { "staff_id": staff_id } }),
        );
        let cells = json!({ "assign": cells.collect::<Vec<_>>() });
        self.post("/api/v2/staff-service-assignments", cells).await.expect(200);
        service
    }
}

/// A process: rate limit factor, whether webhooks may go to private addresses, patience of readers.
async fn process_on(
    database: &TestDatabase,
    clock: Arc<TestClock>,
    (rate_limit_factor, allow_private_webhooks, moment): (u32, bool, Duration),
) -> App {
    let parts = Parts {
        database: database.options.clone(),
        master_key: MasterKey::parse(&"7".repeat(64)).unwrap(),
        rate_limit_factor,
        clock,
        allow_private_webhooks,
        chance: Arc::new(|| 0),
        moment,
    };
    AppState::connect(parts).await.unwrap()
}

/// A service of one phase.
pub(crate) fn minutes(active_min: u16) -> Value {
    json!([{ "key": "A", "active_min": active_min }])
}

impl Salon {
    /// A booking with the first staff member.
    pub(crate) fn booking(&self, starts_at: &str) -> Value {
        json!({ "customer_id": self.customer, "service_id": self.service,
                "staff_id": self.staff[0], "branch_id": self.branch, "starts_at": starts_at })
    }

    /// Books with the first staff member and answers the appointment.
    pub(crate) async fn booked(&self, app: &TestApp, starts_at: &str) -> String {
        let body = app.post("/api/v2/bookings", self.booking(starts_at)).await.expect(201);
        body["appointment_id"].as_str().unwrap().to_owned()
    }
}
