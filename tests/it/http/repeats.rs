//! Requests that are repeated, with the same key, while the first one is under way: at one process
//! and at two on one database, each is carried out once and all get the same answer.

use std::{cell::Cell, collections::BTreeSet};

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{Answer, Salon, TestApp, minutes};

/// How many requests are sent at once.
const TIMES: [usize; 3] = [2, 4, 40];

/// Commands whose answer is not stored: what they say holds however often it is said.
const PLAIN: [&str; 6] = [
    "delete /api/v2/webhooks/{id}",
    "post /api/v2/webhooks/{id}/deliveries/{message}/redeliver",
    "post /api/v2/webhooks/{id}/disable",
    "post /api/v2/webhooks/{id}/enable",
    "post /api/v2/webhooks/{id}/replay",
    "put /api/v2/webhooks/{id}",
];

/// What a command is sent to, and its body.
type Request = (&'static str, String, Value);

/// Weeks that are booked in one after another.
const WEEKS: i64 = 30;

/// A salon, and the times that nobody has booked yet.
struct Case<'a> {
    app: &'a TestApp,
    salon: &'a Salon,
    /// How many times were given away.
    taken: i64,
    /// How many numbers were given away.
    numbers: Cell<u32>,
}

impl Case<'_> {
    /// A Monday morning, or another day or hour once all the Mondays are booked.
    fn at(no: i64) -> DateTime<Utc> {
        let first: DateTime<Utc> = "2026-12-07T09:00:00Z".parse().unwrap();
        let (week, rest) = (no % WEEKS, no / WEEKS);
        first + TimeDelta::days(7 * week + rest % 5) + TimeDelta::hours(rest / 5)
    }

    /// The last time that was given away.
    fn last(&self) -> DateTime<Utc> {
        Self::at(self.taken - 1)
    }

    /// A start that nobody has taken.
    fn next(&mut self) -> String {
        self.taken += 1;
        self.last().to_rfc3339()
    }

    async fn booked(&mut self) -> String {
        let start = self.next();
        self.salon.booked(self.app, &start).await
    }

    async fn held(&mut self) -> String {
        let body = self.app.post("/api/v2/holds", self.hold()).await.expect(201);
        body["hold_token"].as_str().unwrap().to_owned()
    }

    fn hold(&mut self) -> Value {
        let mut hold = self.salon.booking(&self.next());
        hold.as_object_mut().unwrap().remove("customer_id");
        hold
    }

    fn series(&mut self) -> Value {
        // Four weeks in a row, at ten in Berlin at the earliest.
        if WEEKS < self.taken % WEEKS + 4 {
            self.taken += WEEKS - self.taken % WEEKS;
        }
        let start = Self::at(self.taken).with_timezone(&chrono_tz::Europe::Berlin);
        self.taken += 4;
        json!({ "customer_id": self.salon.customer, "service_id": self.salon.service,
            "staff_id": self.salon.staff[0], "branch_id": self.salon.branch,
            "starts_at_local": start.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "zone": "Europe/Berlin", "rrule": "FREQ=WEEKLY;COUNT=4" })
    }

    async fn started(&mut self) -> String {
        let series = self.series();
        let body = self.app.post("/api/v2/series", series).await.expect(201);
        body["series"]["series_id"].as_str().unwrap().to_owned()
    }

    /// A number that nothing is called by yet.
    fn number(&self) -> u32 {
        self.numbers.replace(self.numbers.get() + 1)
    }

    fn phone(&self) -> String {
        format!("+49 151 2000{:04}", self.number())
    }

    async fn customer(&mut self) -> String {
        let body =
            json!({ "company_id": self.salon.company, "name": "Mia", "phone": self.phone() });
        self.app.made("customers", body).await
    }

    async fn webhook(&self) -> String {
        let body = json!({ "url": "http://127.0.0.1:9/hooks" });
        let body = self.app.post("/api/v2/webhooks", body).await.expect(201);
        body["id"].as_str().unwrap().to_owned()
    }

    /// Everything that is needed for a command, and the command.
    #[expect(clippy::panic, reason = "a command without a case fails the test")]
    async fn request(&mut self, operation: &str) -> Request {
        let (verb, path) = operation.split_once(' ').unwrap();
        let verb = match verb {
            "post" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            _ => "DELETE",
        };
        let path = path.strip_prefix("/api/").unwrap();
        let parts: Vec<_> = path.split('/').collect();
        let (path, body) = match parts.as_slice() {
            [_, "customers", ..] => self.of_customer(verb, path).await,
            [_, "bookings", ..] => self.of_booking(path).await,
            [_, "holds"] => (path.to_owned(), self.hold()),
            [_, "holds", ..] => {
                let body = if path.ends_with("extend") {
                    json!({ "ttl_seconds": 600 })
                } else {
                    json!({})
                };
                (path.replace("{token}", &self.held().await), body)
            }
            [_, "held-bookings"] => {
                let body = json!({ "customer_id": self.salon.customer,
                    "hold_token": self.held().await });
                ("v2/bookings".to_owned(), body)
            }
            [_, "series"] => (path.to_owned(), self.series()),
            [_, "series", _, "occurrences", _, "move"] => {
                let body = json!({ "new_starts_at": self.next() });
                let path = path.replace("{number}", "2");
                (path.replace("{id}", &self.started().await), body)
            }
            [_, "series", ..] => {
                let path = path.replace("{number}", "2");
                (path.replace("{id}", &self.started().await), json!({}))
            }
            [_, "webhooks", "{id}", ..] => (path.replace("{id}", &self.webhook().await), json!({})),
            [_, "webhooks"] => (path.to_owned(), json!({ "url": "http://127.0.0.1:9/hooks" })),
            ["v2", plural, ..] if self.profile(plural).is_some() => {
                self.of_catalog(verb, plural, path).await
            }
            [_, "staff-service-assignments" | "staff-event-assignments"] => {
                let staff = self.made("staff").await;
                let cell = json!({ "service_id": self.salon.service,
                    "assignment": { "staff_id": staff } });
                (path.to_owned(), json!({ "assign": [cell] }))
            }
            other => panic!("{other:?} has no case here"),
        };
        (verb, format!("/api/{path}"), body)
    }

    async fn of_customer(&mut self, verb: &str, path: &str) -> (String, Value) {
        let body = match path.rsplit('/').next().unwrap() {
            "customers" | "{id}" => json!({ "name": "Mia", "phone": self.phone() }),
            "notes" => json!({ "text": "likes tea" }),
            "{consent}" => json!({ "is_given": true }),
            _ => json!({}),
        };
        if path == "v2/customers" {
            let mut body = body;
            body["company_id"] = json!(self.salon.company);
            return (path.to_owned(), body);
        }
        let id = self.customer().await;
        if verb == "DELETE" {
            self.app.post(&format!("/api/v2/customers/{id}/erasure"), json!({})).await.expect(200);
        }
        (path.replace("{consent}", "sms").replace("{id}", &id), body)
    }

    async fn of_booking(&mut self, path: &str) -> (String, Value) {
        let step = path.rsplit('/').next().unwrap();
        if step == "bookings" {
            return (path.to_owned(), self.salon.booking(&self.next()));
        }
        let id = match step {
            "confirm" | "reject" => {
                let service = self.salon_service_to_confirm().await;
                let mut booking = self.salon.booking(&self.next());
                booking["service_id"] = json!(service);
                let body = self.app.post("/api/v2/bookings", booking).await.expect(201);
                body["appointment_id"].as_str().unwrap().to_owned()
            }
            _ => self.booked().await,
        };
        if matches!(step, "complete" | "no-show") {
            // The appointment is over.
            self.app.at(&(self.last() + TimeDelta::hours(2)).to_rfc3339());
            if step == "complete" {
                self.app.post(&format!("/api/v2/bookings/{id}/start"), json!({})).await.expect(200);
            }
        }
        if step == "start" {
            self.app.at(&self.last().to_rfc3339());
        }
        let body = match step {
            "reschedule" => json!({ "new_starts_at": self.next() }),
            _ => json!({}),
        };
        (path.replace("{id}", &id), body)
    }

    async fn salon_service_to_confirm(&self) -> String {
        let rules = json!({ "requires_confirmation": true });
        let Salon { company, staff, .. } = self.salon;
        let name = format!("On request {}", self.number());
        self.app.service(company, &name, minutes(60), rules, staff).await
    }

    /// What a thing of the catalog says; nothing of any other resource.
    fn profile(&self, plural: &str) -> Option<Value> {
        let Salon { company, branch, .. } = self.salon;
        let name = format!("Name {}", self.number());
        Some(match plural {
            "companies" => json!({ "name": name, "zone": "Europe/Berlin", "currency": "EUR",
                "phone_region": "DE" }),
            "branches" => json!({ "company_id": company, "name": name, "zone": "Europe/Berlin" }),
            "staff" => json!({ "company_id": company, "name": name, "branches": [branch],
                "zone": "Europe/Berlin" }),
            "services" => json!({ "company_id": company, "name": name, "phases": minutes(30),
                "price": { "amount_minor": 1500, "currency": "EUR" } }),
            "resources" => json!({ "company_id": company, "branch_id": branch, "name": name,
                "kind": "room", "capacity": 1, "zone": "Europe/Berlin" }),
            _ => return None,
        })
    }

    async fn made(&self, plural: &str) -> String {
        self.app.made(plural, self.profile(plural).unwrap()).await
    }

    async fn of_catalog(&self, verb: &str, plural: &str, path: &str) -> (String, Value) {
        let hours = json!([{ "from": "10:00", "to": "12:00" }]);
        let body = match path.rsplit('/').next().unwrap() {
            last if last == plural => return (path.to_owned(), self.profile(plural).unwrap()),
            "{id}" => self.profile(plural).unwrap(),
            "hours" => json!({ "weekly": { "1": { "open": hours } } }),
            "{date}" => json!({ "hours": { "open": hours } }),
            "{branch_id}" => json!({ "is_offered": false }),
            "policies" => json!({ "cancellation": { "violation_action": "block",
                "min_hours_notice": 12 } }),
            _ => json!({}),
        };
        let id = self.made(plural).await;
        let at = format!("/api/v2/{plural}/{id}");
        match (verb, path.rsplit('/').next().unwrap()) {
            ("DELETE", "{date}") => {
                let body = json!({ "hours": { "open": hours } });
                self.app.put(&format!("{at}/exceptions/2027-03-01"), body).await.expect(200);
                return (path.replace("{id}", &id).replace("{date}", "2027-03-01"), json!({}));
            }
            (_, "activate") => {
                self.app.post(&format!("{at}/deactivate"), json!({})).await.expect(200);
            }
            _ => {}
        }
        let path = path.replace("{id}", &id).replace("{branch_id}", &self.salon.branch);
        (path.replace("{date}", "2027-03-01"), body)
    }
}

/// Every operation that takes a key.
fn commands(document: &Value) -> Vec<String> {
    let mut commands = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array();
            let takes_key = parameters.is_some_and(|all| {
                all.iter().any(|parameter| parameter["name"] == "Idempotency-Key")
            });
            if takes_key {
                commands.push(format!("{verb} {path}"));
            }
        }
    }
    commands.retain(|command| !PLAIN.contains(&command.as_str()));
    // What a hold keeps is booked with the same address as anything else.
    commands.push("post /api/v2/held-bookings".to_owned());
    commands
}

/// Sends a request many times at once, in turns to each of the processes.
async fn sent(
    app: &TestApp,
    routers: &[&Router],
    (times, command): (usize, &str),
    (verb, path, body): &Request,
) -> Vec<Answer> {
    let key = format!("{command}*{times}").replace(' ', "_");
    let headers = [("idempotency-key", key.as_str())];
    let headers = headers.as_slice();
    join_all((0..times).map(|no| {
        let router = routers[no % routers.len()];
        app.keyed_at(router, verb, path, headers, body.clone())
    }))
    .await
}

async fn every_command_is_carried_out_once(processes: usize) {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let other = app.other_process().await;
    let routers = [app.router(), &other];
    let mut case = Case { app: &app, salon: &salon, taken: 0, numbers: Cell::new(0) };
    let mut wrong = Vec::new();
    for command in commands(&app.document) {
        for times in TIMES {
            app.at(super::NOW);
            let request = case.request(&command).await;
            let answers = sent(&app, &routers[..processes], (times, &command), &request).await;
            let first = &answers[0];
            let is_same = |it: &&Answer| it.status == first.status && it.body == first.body;
            let replayed = |it: &&Answer| it.headers.contains_key("idempotency-replayed");
            let counts =
                (answers.iter().filter(is_same).count(), answers.iter().filter(replayed).count());
            if !first.status.is_success() || counts != (times, times - 1) {
                let codes: BTreeSet<_> = answers.iter().map(|it| (it.status, it.code())).collect();
                wrong.push(format!("{command} x {times}: {counts:?} {codes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_command_that_is_repeated_at_once_is_carried_out_once() {
    every_command_is_carried_out_once(1).await;
}

#[tokio::test]
async fn every_command_that_is_repeated_at_once_at_two_processes_is_carried_out_once() {
    every_command_is_carried_out_once(2).await;
}

#[tokio::test]
async fn many_bookings_for_one_customer_wait_for_each_other_and_all_succeed() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let first: DateTime<Utc> = "2026-12-02T09:00:00Z".parse().unwrap();
    // Days of their own, so that nothing but the customer is common to them.
    let starts: Vec<_> =
        (0..32).map(|week| (first + TimeDelta::days(7 * week)).to_rfc3339()).collect();
    for round in 0..2 {
        let booking = |start: &str| {
            let mut booking = salon.booking(start);
            booking["staff_id"] = json!(salon.staff[round]);
            booking
        };
        let answers =
            join_all(starts.iter().map(|start| app.post("/api/v2/bookings", booking(start))));
        for answer in answers.await {
            answer.expect(201);
        }
    }
}
