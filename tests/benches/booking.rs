//! Bookings over HTTP: one hot staff-day with 32 clients, availability on a cold and a warm
//! process, and what the process holds in memory.
//!
//! `cargo bench -p daybook-tests --bench booking`; `BENCH_DAYS` sets how many staff-days are filled.
//! Clients and server share the process, so the memory is an upper bound for the server.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "ratios are for people")]

mod shared;

use std::{
    env,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::{
    clock::{Clock as _, SystemClock},
    testing::TestDatabase,
};
use daybook_testkit::client::{Caller, Salon};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet};

use shared::server::Server;

const CLIENTS: usize = 32;

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
                let answer = caller.post("/api/v2/bookings", &body).await;
                answers.push((answer.status, start.elapsed()));
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
    let salon = Arc::new(Salon::open(caller, 5, 5, CLIENTS).await);
    let staff = salon.hire(caller).await;
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

/// A tenant with 50 staff, and the search that it is asked for.
async fn fifty(server: &Server) -> (String, Value) {
    let key = server.tenant().await;
    let caller = Caller::new(&server.base, &key);
    let salon = Salon::open(&caller, 60, 15, 1).await;
    for _ in 0..50 {
        salon.hire(&caller).await;
    }
    let today = SystemClock.now().date_naive();
    let body = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "date_from": today + TimeDelta::days(1), "date_to": today + TimeDelta::days(89), "limit": 5 });
    (key, body)
}

async fn search(caller: &Caller, body: &Value) -> Duration {
    let begin = Instant::now();
    let answer = caller.post("/api/v2/availability/search", body).await.body;
    let taken = begin.elapsed();
    assert_eq!(answer["slots"].as_array().map(Vec::len), Some(5), "{answer}");
    taken
}

async fn availability(database: &TestDatabase) {
    let server = Server::start(database).await;
    let mut tenants = Vec::new();
    for _ in 0..9 {
        tenants.push(fifty(&server).await);
    }
    server.task.abort();
    let server = Server::start(database).await;
    let row = |name: &str, taken: Duration| {
        println!("{name:<46} {:>10}", format!("{:.2} ms", taken.as_secs_f64() * 1e3));
    };
    println!("\n{:<46} {:>10}", "availability, 50 staff x 90 days, HTTP", "takes");
    let mut cold = Vec::new();
    for (key, body) in &tenants {
        let caller = Caller::new(&server.base, key);
        // The connection of the client is open; the tenant's world is not in memory.
        assert_eq!(caller.get("/api/v2/companies").await.status, 200);
        cold.push(search(&caller, body).await);
    }
    row("first search of the process", cold.remove(0));
    cold.sort_unstable();
    row("first search of a tenant, median of 8", cold[4]);
    let (key, body) = &tenants[0];
    let caller = Caller::new(&server.base, key);
    let mut warm = Vec::new();
    for _ in 0..200 {
        warm.push(search(&caller, body).await);
    }
    warm.sort_unstable();
    row("another search, median of 200", warm[100]);
    let mut clients = JoinSet::new();
    for _ in 0..128 {
        let (caller, body) = (caller.clone(), body.clone());
        clients.spawn(async move {
            for _ in 0..20 {
                search(&caller, &body).await;
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
    let caller = Caller::new(&server.base, &server.tenant().await);
    hot_day(&caller).await;
    server.task.abort();
    availability(&database).await;
}

fn main() {
    Runtime::new().unwrap().block_on(bench());
}
