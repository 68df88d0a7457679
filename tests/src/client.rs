//! A client of the API over real HTTP, and the salon that its stories need.

use std::sync::Once;

use reqwest::Client;
use serde_json::{Value, json};

/// A client that speaks plain HTTP to a server of this machine.
pub fn http() -> Client {
    static PROVIDER: Once = Once::new();
    // Another crate's features give reqwest TLS without a provider: it insists on one.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::new()
}

/// A client with a key. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Caller {
    http: Client,
    base: String,
    key: String,
}

/// An answer: its status and its body, null if it was no JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Caller {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str, key: &str) -> Self {
        Self { http: http(), base: base.to_owned(), key: key.to_owned() }
    }

    /// Sends a request, with an idempotency key if one is given. An error means that no answer came.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let method = method.parse().unwrap_or_default();
        let request = self.http.request(method, format!("{}{path}", self.base));
        let mut request = request.bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// Posts, and expects an answer.
    ///
    /// # Panics
    /// When none comes.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        match self.send("POST", path, Some(body), None).await {
            Ok(answer) => answer,
            Err(error) => panic!("{path} was not answered: {error}"),
        }
    }

    /// Gets, and expects an answer.
    ///
    /// # Panics
    /// When none comes.
    pub async fn get(&self, path: &str) -> Answer {
        match self.send("GET", path, None, None).await {
            Ok(answer) => answer,
            Err(error) => panic!("{path} was not answered: {error}"),
        }
    }

    /// Registers something and answers its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn made(&self, kind: &str, body: Value) -> String {
        let answer = self.post(&format!("/api/v2/{kind}"), &body).await;
        assert_eq!(answer.status, 201, "{kind}: {:#}", answer.body);
        answer.body["id"].as_str().unwrap_or_default().to_owned()
    }
}

/// A salon that never closes, with one service of one phase.
#[derive(Clone, Debug)]
pub struct Salon {
    /// Its company.
    pub company: String,
    /// Its branch, in `Europe/Berlin`.
    pub branch: String,
    /// Its service.
    pub service: String,
    /// Its customers.
    pub customers: Vec<String>,
}

impl Salon {
    /// Opens it. Starts lie on a grid of `grid_min`.
    pub async fn open(caller: &Caller, active_min: u16, grid_min: u16, customers: usize) -> Self {
        let name = format!("Salon of {active_min}");
        let company =
            json!({ "name": name, "zone": "UTC", "currency": "EUR", "phone_region": "DE" });
        let company = caller.made("companies", company).await;
        let branch = json!({ "company_id": company, "name": "Mitte", "zone": "Europe/Berlin" });
        let branch = caller.made("branches", branch).await;
        let day = json!({ "open": [{ "from": "00:00", "to": "24:00" }] });
        let weekly: Value = (1..=7).map(|weekday| (weekday.to_string(), day.clone())).collect();
        let path = format!("/api/v2/branches/{branch}/hours");
        let hours = caller.send("PUT", &path, Some(&json!({ "weekly": weekly })), None).await;
        assert!(hours.is_ok_and(|answer| answer.status == 200), "the hours were refused");
        let service = json!({ "company_id": company, "name": "Service",
            "phases": [{ "key": "A", "active_min": active_min }],
            "price": { "amount_minor": 4500, "currency": "EUR" },
            "rules": { "grid_min": grid_min } });
        let service = caller.made("services", service).await;
        let mut people = Vec::with_capacity(customers);
        for number in 0..customers {
            let phone = format!("+49151{active_min:02}{number:06}");
            let customer = json!({ "company_id": company, "name": "Max", "phone": phone });
            people.push(caller.made("customers", customer).await);
        }
        Self { company, branch, service, customers: people }
    }

    /// Offers another service, done by a staff member, and answers the id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn offer(&self, caller: &Caller, name: &str, phases: &Value, staff: &str) -> String {
        let service = json!({ "company_id": self.company, "name": name, "phases": phases,
            "price": { "amount_minor": 9000, "currency": "EUR" }, "rules": { "grid_min": 5 } });
        let service = caller.made("services", service).await;
        assign(caller, &service, staff).await;
        service
    }

    /// Hires somebody who does the service, and answers the id.
    pub async fn hire(&self, caller: &Caller) -> String {
        let staff = json!({ "company_id": self.company, "name": "Anna",
            "branches": [self.branch], "zone": "Europe/Berlin" });
        let staff = caller.made("staff", staff).await;
        assign(caller, &self.service, &staff).await;
        staff
    }
}

async fn assign(caller: &Caller, service: &str, staff: &str) {
    let cell = json!({ "service_id": service, "assignment": { "staff_id": staff } });
    let matrix = json!({ "assign": [cell] });
    let answer = caller.post("/api/v2/staff-service-assignments", &matrix).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
}
