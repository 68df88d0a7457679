//! Bookings over HTTP: one hot staff-day with 32 clients, availability on a cold and a warm
//! process, and what the process holds in memory.
//!
//! `cargo bench -p daybook-tests --bench booking`; `BENCH_DAYS` sets how many staff-days are filled.
//! Clients and server share the process, so the memory is an upper bound for the server.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "ratios are for people")]

use std::{
    env,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::{
    clock::{Clock as _, RandomIds, SystemClock},
    testing::TestDatabase,
    vault::MasterKey,
};
use daybook_api::{
    router,
    state::{App, AppState, Parts},
};
use daybook_domain::{
    commands::One,
    dispatch::CommandContext,
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand},
};
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, task::JoinSet};

const CLIENTS: usize = 32;

/// A server of this process.
struct Server {
    app: App,
    base: String,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(database: &TestDatabase) -> Self {
        let parts = Parts {
            database: database.options.clone(),
            master_key: MasterKey::parse(&"7".repeat(64)).unwrap(),
            rate_limit_factor: 0,
            clock: Arc::new(SystemClock),
        };
        let app = AppState::connect(parts).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = app.clone();
        let task = tokio::spawn(async move {
            let runner = serving.runner.start(serving.wakeups());
            axum::serve(listener, router(serving.clone())).await.unwrap();
            runner.stop().await;
        });
        Self { app, base, task }
    }

    /// Opens a tenant and answers a key of it.
    async fn tenant(&self) -> String {
        let tenant = TenantId::new(RandomIds.next_id());
        self.app.dispatcher.log().open_tenant(tenant).await.unwrap();
        let now = SystemClock.now();
        let context = CommandContext {
            tenant,
            actor: "system:bench".to_owned(),
            at: now,
            correlation_id: "bench".to_owned(),
            causation_id: None,
            source: None,
            key: None,
            dry_run: false,
            ids: self.app.ids.clone(),
        };
        let command = TenantCommand::Open { name: "Bench".to_owned() };
        let open = One::<Tenant> { id: tenant.uuid(), command, expected: None };
        self.app.dispatcher.run(&context, &open).await.unwrap();
        let scopes = ["admin".to_owned()];
        let life = (now, now + TimeDelta::days(1));
        let id = RandomIds.next_id();
        let key = self.app.keys.create(tenant, id, "bench", &scopes, life).await.unwrap();
        key.expose_secret().to_owned()
    }
}

/// A client of a server.
#[derive(Clone)]
struct Caller {
    http: Client,
    base: String,
    key: String,
}

impl Caller {
    async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}/api/v2/{path}", self.base));
        let request = request.bearer_auth(&self.key).json(body);
        #[allow(clippy::disallowed_methods, reason = "this is the client")]
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn made(&self, path: &str, body: Value) -> String {
        let (status, answer) = self.send("POST", path, &body).await;
        assert_eq!(status, 201, "{path}: {answer}");
        answer["id"].as_str().unwrap().to_owned()
    }
}

/// A salon that never closes.
struct Salon {
    company: String,
    branch: String,
    service: String,
    customers: Vec<String>,
}

async fn salon(caller: &Caller, phase_min: u16) -> Salon {
    let company =
        json!({ "name": "Bench", "zone": "UTC", "currency": "EUR", "phone_region": "DE" });
    let company = caller.made("companies", company).await;
    let branch = json!({ "company_id": company, "name": "Branch", "zone": "Europe/Berlin" });
    let branch = caller.made("branches", branch).await;
    let day = json!({ "open": [{ "from": "00:00", "to": "24:00" }] });
    let weekly: Value = (1..=7).map(|weekday| (weekday.to_string(), day.clone())).collect();
    let hours = json!({ "weekly": weekly });
    assert_eq!(caller.send("PUT", &format!("branches/{branch}/hours"), &hours).await.0, 200);
    let service = json!({ "company_id": company, "name": "Service",
        "phases": [{ "key": "A", "active_min": phase_min }],
        "price": { "amount_minor": 4500, "currency": "EUR" },
        "rules": { "grid_min": if phase_min == 5 { 5 } else { 15 } } });
    let service = caller.made("services", service).await;
    let mut customers = Vec::new();
    for number in 0..CLIENTS {
        let phone = format!("+49151{:08}", 10_000_000 + number);
        let customer = json!({ "company_id": company, "name": "Max", "phone": phone });
        customers.push(caller.made("customers", customer).await);
    }
    Salon { company, branch, service, customers }
}

async fn staff(caller: &Caller, salon: &Salon) -> String {
    let body = json!({ "company_id": salon.company, "name": "Anna", "branches": [salon.branch],
                       "zone": "Europe/Berlin" });
    let staff = caller.made("staff", body).await;
    let cell = json!({ "service_id": salon.service, "assignment": { "staff_id": staff } });
    let body = json!({ "assign": [cell] });
    assert_eq!(caller.send("POST", "staff-service-assignments", &body).await.0, 200);
    staff
}

/// Fills a staff-day with 5-minute bookings, as fast as the clients can.
async fn fill_day(caller: &Caller, salon: &Arc<Salon>, staff: &str, day: DateTime<Utc>) -> Filled {
    let starts: Vec<_> = (0..288).rev().map(|slot| day + TimeDelta::minutes(5 * slot)).collect();
    let starts = Arc::new(Mutex::new(starts));
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (caller, salon, starts) = (caller.clone(), Arc::clone(salon), Arc::clone(&starts));
        let staff = staff.to_owned();
        clients.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let Some(starts_at) = starts.lock().unwrap().pop() else { return answers };
                let body = json!({ "customer_id": salon.customers[client],
                    "service_id": salon.service, "staff_id": staff,
                    "branch_id": salon.branch, "starts_at": starts_at });
                let start = Instant::now();
                let (status, _) = caller.send("POST", "bookings", &body).await;
                answers.push((status, start.elapsed()));
            }
        });
    }
    let answers = clients.join_all().await.concat();
    let taken = begin.elapsed();
    let accepted = answers.iter().filter(|(status, _)| *status == 201).count();
    let times = answers.iter().map(|(_, time)| *time).collect();
    Filled { accepted, given_up: answers.len() - accepted, taken, times }
}

struct Filled {
    accepted: usize,
    given_up: usize,
    taken: Duration,
    times: Vec<Duration>,
}

async fn hot_day(caller: &Caller) {
    let salon = Arc::new(salon(caller, 5).await);
    let staff = staff(caller, &salon).await;
    let days = env::var("BENCH_DAYS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let midnight = SystemClock.now().date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    println!(
        "{:<26} {:>9} {:>9} {:>10} {:>10} {:>9}",
        "one staff-day, 32 clients", "accepted", "gave up", "per second", "p50", "p99"
    );
    for day in 0..days {
        let filled = fill_day(caller, &salon, &staff, midnight + TimeDelta::days(day + 3)).await;
        let mut times = filled.times;
        times.sort_unstable();
        let at =
            |part: usize| format!("{:.1} ms", times[times.len() * part / 100].as_secs_f64() * 1e3);
        println!(
            "{:<26} {:>9} {:>9} {:>10.0} {:>10} {:>9}",
            format!("day {}", day + 1),
            filled.accepted,
            filled.given_up,
            filled.accepted as f64 / filled.taken.as_secs_f64(),
            at(50),
            at(99)
        );
    }
}

/// Resident memory in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

async fn availability(database: &TestDatabase) {
    let server = Server::start(database).await;
    let caller =
        Caller { http: Client::new(), base: server.base.clone(), key: server.tenant().await };
    let salon = salon(&caller, 60).await;
    for _ in 0..50 {
        staff(&caller, &salon).await;
    }
    let today = SystemClock.now().date_naive();
    let body = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "date_from": today + TimeDelta::days(1), "date_to": today + TimeDelta::days(89), "limit": 5 });
    server.task.abort();
    println!("\n{:<46} {:>10}", "availability, 50 staff x 90 days, HTTP", "takes");
    let server = Server::start(database).await;
    let caller = Caller { base: server.base.clone(), http: Client::new(), ..caller };
    // Connection, key and read pool are warm; the tenant's world is not.
    assert_eq!(caller.send("GET", "bookings", &Value::Null).await.0, 200);
    for name in ["first request of the process for the tenant", "second request", "third request"] {
        let begin = Instant::now();
        let (status, answer) = caller.send("POST", "availability/search", &body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["slots"].as_array().map(Vec::len), Some(5));
        println!("{name:<46} {:>10}", format!("{:.2} ms", begin.elapsed().as_secs_f64() * 1e3));
    }
    let mut clients = JoinSet::new();
    for _ in 0..128 {
        let (caller, body) = (caller.clone(), body.clone());
        clients.spawn(async move {
            for _ in 0..20 {
                assert_eq!(caller.send("POST", "availability/search", &body).await.0, 200);
            }
        });
    }
    clients.join_all().await;
    println!("\nresident after 128 clients (server and clients)   {:>6.0} MiB", resident());
}

async fn bench() {
    let database = TestDatabase::new().await;
    let server = Server::start(&database).await;
    println!("resident, idle                                    {:>6.0} MiB\n", resident());
    let caller =
        Caller { http: Client::new(), base: server.base.clone(), key: server.tenant().await };
    hot_day(&caller).await;
    server.task.abort();
    availability(&database).await;
}

fn main() {
    Runtime::new().unwrap().block_on(bench());
}
