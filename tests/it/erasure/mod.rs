//! A person's rights: the grace of a wish to be forgotten, the job that carries it out, and what is left
//! behind.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod backup;
mod canary;
mod export;
mod grace;
mod job;
mod operator;
mod search;
mod tools;
mod traces;

use serde_json::{Value, json};

use crate::http::{Salon, TestApp};

/// Within the notice that nobody has to keep: a late cancellation would cost something.
const TOMORROW: &str = "2026-12-02T10:00:00+01:00";
/// Behind the grace.
const NEXT_YEAR: &str = "2027-01-12T10:00:00+01:00";
const DAY: i64 = 86_400;

fn of(salon: &Salon) -> String {
    format!("/api/v2/customers/{}", salon.customer)
}

/// The customer asks to be forgotten.
async fn leaving(app: &TestApp, salon: &Salon) {
    app.post(&format!("{}/erasure", of(salon)), json!({})).await.expect(200);
}

async fn customer(app: &TestApp, salon: &Salon) -> Value {
    app.get(&of(salon)).await.expect(200)
}

/// The ids on a list of customers.
async fn listed(app: &TestApp, query: &str) -> Vec<Value> {
    let page = app.get(&format!("/api/v2/customers{query}")).await.expect(200);
    page["items"].as_array().unwrap().iter().map(|it| it["customer_id"].clone()).collect()
}
