//! What requests cost as histories, master data and tenants grow, and the exponent of each: the slope of
//! its cost over the size, both as logarithms.
//!
//! `cargo bench -p daybook-tests --bench growth`. `BENCH_HISTORY` (events), `BENCH_SERVICES` and
//! `BENCH_TENANTS` set the sizes, such as `BENCH_HISTORY=30000,100000,1000000`; an empty one skips its part.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "ratios are for people")]

mod shared;

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use daybook_adapters::{
    clock::{Clock as _, RandomIds, SystemClock},
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    testing::{TestDatabase, postgres::server},
};
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, Position, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
};
use daybook_testkit::client::{Caller, Salon};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet};

use shared::{
    measure::{Table, median, milliseconds, own_cpu, postgres_cpu, sizes, timed},
    past::{Place, fill},
    server::Server,
};

/// How often a request is asked that costs the same each time.
const TIMES: usize = 5;

async fn answered(caller: &Caller, path: &str, body: Option<&Value>) -> Duration {
    let method = if body.is_some() { "POST" } else { "GET" };
    let (answer, took) = timed(caller.send(method, path, body, None)).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{path} {:#}", answer.body);
    took
}

async fn repeated(caller: &Caller, path: &str, body: Option<&Value>) -> Duration {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        times.push(answered(caller, path, body).await);
    }
    median(times)
}

/// A process that has just started, and a client whose connection is open.
async fn fresh(database: &TestDatabase, key: &str) -> (Server, Caller) {
    let server = Server::start(database).await;
    let caller = Caller::new(&server.base, key);
    assert_eq!(caller.get("/api/v2/companies").await.status, 200);
    (server, caller)
}

const SEARCH: &str = "/api/v2/availability/search";

async fn history(table: &mut Table, events: u64) {
    let database = TestDatabase::new().await;
    let server = Server::start(&database).await;
    let key = server.tenant().await;
    let caller = Caller::new(&server.base, &key);
    let salon = Salon::open(&caller, 60, 15, 10).await;
    let mut staff = Vec::new();
    for _ in 0..20 {
        staff.push(salon.hire(&caller).await);
    }
    let log = server.app.dispatcher.log().inner().clone();
    let tenant = log.heads(None, 1).await.unwrap()[0].tenant;
    let today = SystemClock.now().date_naive();
    let Salon { company, branch, service, customers } = salon;
    let place = Place { tenant, company, branch, service, staff, customers };
    let ((), took) = timed(fill(&log, &place, events, today)).await;
    let head = log.head(tenant).await.unwrap().unwrap().position;
    println!("{} events appended in {}", head.0, milliseconds(took));
    let (settled, took) = timed(server.app.runner.settle_tenant(tenant, head)).await;
    settled.unwrap();
    println!("all read models followed in {}", milliseconds(took));
    server.task.abort();

    let search = json!({ "service_id": place.service, "branch_id": place.branch,
        "date_from": today + TimeDelta::days(1), "date_to": today + TimeDelta::days(30), "limit": 5 });
    let (mut cold, mut last) = (Vec::new(), None);
    for _ in 0..TIMES {
        let (server, caller) = fresh(&database, &key).await;
        cold.push(answered(&caller, SEARCH, Some(&search)).await);
        if let Some((before, _)) = last.replace((server, caller)) {
            Server::stop(before);
        }
    }
    let size = head.0;
    let (server, caller) = last.unwrap();
    table.row("history: first search of a process", size, median(cold));
    table.row("history: next search", size, repeated(&caller, SEARCH, Some(&search)).await);
    let mut then = search.clone();
    then["as_of"] = json!(head.0 / 2);
    table.row(
        "history: search as of the middle",
        size,
        repeated(&caller, SEARCH, Some(&then)).await,
    );
    let recent = json!(head.0 - 1000);
    then["as_of"] = recent.clone();
    table.row(
        "history: search as of 1,000 events ago",
        size,
        repeated(&caller, SEARCH, Some(&then)).await,
    );
    let list = "/api/v2/bookings?limit=100";
    table.row("history: list", size, repeated(&caller, list, None).await);
    let path = format!("{list}&as_of={}", head.0 / 2);
    table.row("history: list as of the middle", size, repeated(&caller, &path, None).await);
    let path = format!("{list}&as_of={recent}");
    table.row("history: list as of 1,000 events ago", size, repeated(&caller, &path, None).await);
    Server::stop(server);
}

/// 50 branches, 200 staff and so many services, each done by some of them.
async fn catalog(caller: &Caller, services: u64) -> (String, Vec<String>) {
    let company =
        json!({ "name": "Chain", "zone": "UTC", "currency": "EUR", "phone_region": "DE" });
    let company = caller.made("companies", company).await;
    let day = json!({ "open": [{ "from": "09:00", "to": "18:00" }] });
    let weekly: Value = (1..=6).map(|weekday| (weekday.to_string(), day.clone())).collect();
    let (mut branches, mut staff, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..50 {
        let branch = json!({ "company_id": company, "name": format!("Branch {number}"),
            "zone": "Europe/Berlin" });
        let branch = caller.made("branches", branch).await;
        let path = format!("/api/v2/branches/{branch}/hours");
        caller.send("PUT", &path, Some(&json!({ "weekly": weekly })), None).await.unwrap();
        branches.push(branch);
    }
    for number in 0..200 {
        let body = json!({ "company_id": company, "name": format!("Staff {number}"),
            "branches": [branches[number % 50], branches[(number + 1) % 50]],
            "zone": "Europe/Berlin" });
        staff.push(caller.made("staff", body).await);
    }
    let mut cells = Vec::new();
    for number in 0..usize::try_from(services).unwrap() {
        let service = json!({ "company_id": company, "name": format!("Service {number}"),
            "phases": [{ "key": "A", "active_min": 30 + 5 * (number % 12) }],
            "price": { "amount_minor": 4500, "currency": "EUR" },
            "rules": { "grid_min": [5, 10, 15, 30][number % 4] } });
        let service = caller.made("services", service).await;
        for offset in 0..8 {
            let staff = &staff[(number * 7 + offset * 25) % 200];
            cells.push(json!({ "service_id": service, "assignment": { "staff_id": staff } }));
        }
        ids.push(service);
    }
    for cells in cells.chunks(100) {
        let answer =
            caller.post("/api/v2/staff-service-assignments", &json!({ "assign": cells })).await;
        assert_eq!(answer.status, 200, "{:#}", answer.body);
    }
    (branches[0].clone(), ids)
}

async fn services(table: &mut Table, services: u64) {
    let database = TestDatabase::new().await;
    let server = Server::start(&database).await;
    let key = server.tenant().await;
    let (branch, ids) = catalog(&Caller::new(&server.base, &key), services).await;
    server.app.runner.settle().await.unwrap();
    Server::stop(server);
    let today = SystemClock.now().date_naive();
    let search = |service: &str| {
        json!({ "service_id": service, "date_from": today + TimeDelta::days(1),
                "date_to": today + TimeDelta::days(7), "limit": 5 })
    };
    let (server, caller) = fresh(&database, &key).await;
    let before = own_cpu();
    let took = answered(&caller, SEARCH, Some(&search(&ids[0]))).await;
    println!("CPU of this process meanwhile: {}", milliseconds(own_cpu() - before));
    table.row("services: first search of a process", services, took);
    let mut others = Vec::new();
    for id in ids.iter().skip(1).take(20) {
        others.push(answered(&caller, SEARCH, Some(&search(id))).await);
    }
    table.row("services: first search of another service", services, median(others));
    let mut changed = Vec::new();
    for number in 0..10 {
        let date = today + TimeDelta::days(3 + number);
        let path = format!("/api/v2/branches/{branch}/exceptions/{date}");
        let exception = json!({ "open": [{ "from": "10:00", "to": "12:00" }] });
        let answer = caller.send("PUT", &path, Some(&exception), None).await.unwrap();
        assert_eq!(answer.status, 200, "{:#}", answer.body);
        changed.push(answered(&caller, SEARCH, Some(&search(&ids[0]))).await);
    }
    table.row("services: search after a change of a branch", services, median(changed));
    Server::stop(server);
}

/// Tenants with 15 events each that no read model has seen.
async fn behind(database: &TestDatabase, tenants: u64) {
    let log = PostgresLog::new(
        connect_pool(database.options.clone(), PoolRole::Append, 16).await.unwrap(),
    );
    let mut callers = JoinSet::new();
    for caller in 0..32 {
        let log = log.clone();
        let own = tenants / 32 + u64::from(caller < tenants % 32);
        callers.spawn(async move {
            for _ in 0..own {
                let tenant = TenantId::new(RandomIds.next_id());
                log.open_tenant(tenant).await.unwrap();
                log.append(fifteen(tenant)).await.unwrap();
            }
        });
    }
    callers.join_all().await;
}

/// A company and its branches, as they are registered.
fn fifteen(tenant: TenantId) -> Append {
    let company = RandomIds.next_id();
    let event = |event_type: &'static str, payload: Value| EventData {
        event_id: RandomIds.next_id(),
        event_type: event_type.into(),
        event_version: "1.0.0".into(),
        payload: payload.to_string(),
        metadata: r#"{"actor":"key:1","at":"2026-11-01T00:00:00Z","correlation_id":"r1"}"#.into(),
    };
    let branch = |number: usize| {
        let profile = json!({ "company_id": company, "name": format!("Branch {number}"),
            "zone": "Europe/Berlin" });
        let registered = json!({ "type": "registered", "profile": profile });
        let stream = StreamId::new("branch", RandomIds.next_id().to_string());
        let events = vec![event("branch.registered", registered)];
        StreamWrite { stream, expected: ExpectedRevision::NoStream, events }
    };
    let writes = (0..15).map(branch).collect();
    Append { tenant, command: None, writes, unchanged: Vec::new() }
}

async fn tenants(table: &mut Table, tenants: u64) {
    let database = TestDatabase::new().await;
    behind(&database, tenants).await;
    let begin = Instant::now();
    let server = Server::start(&database).await;
    while server.app.runner.lag().await.unwrap().iter().any(|lag| 0 < lag.events) {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    table.row("tenants: 15 events each, caught up", tenants, begin.elapsed());
    let key = server.tenant().await;
    let caller = Caller::new(&server.base, &key);
    table.row("tenants: metrics", tenants, repeated(&caller, "/api/metrics", None).await);
    // Whatever a process does once in a while is in it.
    let idle = Duration::from_secs(90);
    let postgres = self::server().embedded().and_then(|it| it.pid());
    let cpu = || (own_cpu(), postgres.map(postgres_cpu).unwrap_or_default());
    let (own, theirs) = cpu();
    tokio::time::sleep(idle).await;
    let (own_after, theirs_after) = cpu();
    let share = |cpu: Duration| cpu.as_secs_f64() / idle.as_secs_f64() * 100.0;
    println!(
        "{:<52} {tenants:>9} {:.2} % of a core, PostgreSQL {:.2} %",
        "tenants: idle",
        share(own_after - own),
        share(theirs_after - theirs)
    );
    table.row("tenants: CPU of Daybook in a second, idle", tenants, (own_after - own) / 90);
    Server::stop(server);
}

async fn bench() {
    let mut table = Table::default();
    println!("{:<52} {:>9} {:>11}", "request", "size", "takes");
    for size in sizes("BENCH_HISTORY", "10000,30000") {
        history(&mut table, size).await;
    }
    for size in sizes("BENCH_SERVICES", "50,200") {
        services(&mut table, size).await;
    }
    for size in sizes("BENCH_TENANTS", "500,2000") {
        tenants(&mut table, size).await;
    }
    println!();
    table.exponents();
}

fn main() {
    Runtime::new().unwrap().block_on(bench());
}
