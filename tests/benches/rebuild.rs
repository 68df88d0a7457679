//! What a rebuild costs those who book meanwhile: bookings of one tenant at a steady pace, over HTTP,
//! in turns with and without a rebuild of another tenant's read models in the same process.
//!
//! `cargo bench -p daybook-tests --bench rebuild`; `BENCH_EVENTS` sets the length of the other history,
//! `BENCH_TURNS` how many turns of each there are, `BENCH_PACE` how many bookings come in a second;
//! `BENCH_FULL=1` rebuilds at full speed.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]

mod shared;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::{
    clock::{Clock as _, SystemClock},
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    testing::TestDatabase,
};
use daybook_domain::{event_log::Position, ids::TenantId};
use daybook_projections::{
    aside::{Pace, Progress, Rebuild},
    registry::projectors,
};
use daybook_testkit::client::{Caller, Salon};
use serde_json::json;
use shared::{
    mix::{Mix, filled},
    server::Server,
};
use sqlx::PgPool;
use tokio::{runtime::Runtime, task::JoinSet};

/// How long a turn is.
const TURN: Duration = Duration::from_secs(6);

/// Those who book.
struct Clients {
    caller: Caller,
    salon: Arc<Salon>,
    staff: Vec<String>,
    from: DateTime<Utc>,
    booked: usize,
    pace: u32,
}

impl Clients {
    async fn new(server: &Server) -> Self {
        let caller = Caller::new(&server.base, &server.tenant().await);
        let salon = Salon::open(&caller, 5, 5, 20).await;
        let mut staff = Vec::new();
        for _ in 0..20 {
            staff.push(salon.hire(&caller).await);
        }
        let midnight = SystemClock.now().date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
        let (from, pace) = (midnight + TimeDelta::days(3), number("BENCH_PACE", 40));
        Self { caller, salon: Arc::new(salon), staff, from, booked: 0, pace }
    }

    /// Books for a turn, whether answers come or not, and answers how long each booking took.
    async fn book(&mut self) -> Vec<Duration> {
        let mut waits = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / self.pace);
        let begin = Instant::now();
        while begin.elapsed() < TURN {
            ticks.tick().await;
            let (who, slot) = (self.booked % self.staff.len(), self.booked / self.staff.len());
            self.booked += 1;
            let starts_at = self.from + TimeDelta::minutes(5 * i64::try_from(slot).unwrap());
            let body = json!({ "customer_id": self.salon.customers[who],
                "service_id": self.salon.service, "staff_id": self.staff[who],
                "branch_id": self.salon.branch, "starts_at": starts_at });
            let caller = self.caller.clone();
            waits.spawn(async move {
                let begin = Instant::now();
                let answer = caller.post("/api/v2/bookings", &body).await;
                assert_eq!(answer.status, 201, "{:#}", answer.body);
                begin.elapsed()
            });
        }
        waits.join_all().await
    }
}

/// Rebuilds all read models of a tenant again and again.
async fn rebuild(pool: PgPool, log: Arc<PostgresLog>, tenant: TenantId, folded: Arc<AtomicU64>) {
    loop {
        for projector in projectors() {
            let rebuild = Rebuild::new(pool.clone(), Arc::clone(&log), tenant, projector);
            let pace = if number("BENCH_FULL", 0) == 1 { Pace::FULL } else { Pace::GENTLE };
            let last = AtomicU64::new(0);
            let told = |at: Progress| {
                let before = last.swap(at.position.0, Ordering::Relaxed);
                folded.fetch_add(at.position.0 - before, Ordering::Relaxed);
            };
            rebuild.at(pace).run(told).await.unwrap();
        }
    }
}

fn number(name: &str, otherwise: u32) -> u32 {
    env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}

fn at(times: &[Duration], part: usize) -> f64 {
    times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3
}

async fn bench() {
    let database = TestDatabase::new().await;
    let server = Server::start(&database).await;
    let pool = |role| connect_pool(database.options.clone(), role, 8);
    let log = PostgresLog::new(pool(PoolRole::Append).await.unwrap());
    let events = u64::from(number("BENCH_EVENTS", 40_000));
    let (other, events, _) = filled(&log, &Arc::new(Mix::read().without_customers()), events).await;
    let project = pool(PoolRole::Projector).await.unwrap();
    for projector in projectors() {
        let patience = Duration::from_mins(5);
        let checkpoints = server.app.runner.checkpoints();
        let head = Position(events);
        let reached = checkpoints.wait_for(other, projector.as_ref(), head, patience).await;
        assert_eq!(reached.unwrap(), head);
    }
    let mut clients = Clients::new(&server).await;
    clients.book().await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (folded, mut turns) = (Arc::new(AtomicU64::new(0)), Duration::ZERO);
    for _ in 0..number("BENCH_TURNS", 5) {
        alone.extend(clients.book().await);
        let (log, begin) = (Arc::new(log.clone()), Instant::now());
        let rebuilds = tokio::spawn(rebuild(project.clone(), log, other, Arc::clone(&folded)));
        beside.extend(clients.book().await);
        turns += begin.elapsed();
        rebuilds.abort();
        assert!(rebuilds.await.unwrap_err().is_cancelled(), "a rebuild failed");
    }
    println!("{:<34} {:>8} {:>10} {:>10} {:>10}", "bookings over HTTP", "n", "p50", "p95", "p99");
    for (name, times) in [("alone", &mut alone), ("beside a rebuild", &mut beside)] {
        times.sort_unstable();
        let shown = |part| format!("{:.1} ms", at(times, part));
        println!(
            "{name:<34} {:>8} {:>10} {:>10} {:>10}",
            times.len(),
            shown(50),
            shown(95),
            shown(99)
        );
    }
    let rate = f64::from(u32::try_from(folded.load(Ordering::Relaxed)).unwrap_or(u32::MAX));
    println!(
        "beside a rebuild p95 is {:.2} x, p99 {:.2} x; it folds {:.0} events/s",
        at(&beside, 95) / at(&alone, 95),
        at(&beside, 99) / at(&alone, 99),
        rate / turns.as_secs_f64()
    );
    server.task.abort();
}

fn main() {
    Runtime::new().unwrap().block_on(bench());
}
