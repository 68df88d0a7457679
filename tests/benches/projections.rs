//! Histories to read models: verify, catch up, rebuild, fold aside, and from commit to visible.
//!
//! `cargo bench -p daybook-tests --bench projections`; `BENCH_EVENTS` sets the length of the history.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "rates are for people")]

mod shared;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use daybook_adapters::{
    clock::RandomIds,
    log::{
        HintRelay, Hints, PostgresLog,
        chain::{GENESIS, verify_chain},
    },
    postgres::{PoolRole, connect_pool},
    testing::TestDatabase,
};
use daybook_domain::{
    event_log::Position,
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
};
use daybook_projections::{
    appointments::Appointments,
    aside::{AsideError, Pace, Rebuild, Until, fold_into_temporary},
    projector::Projector,
    registry::projectors,
    runner::{Checkpoints, Runner, RunnerConfig, Wakeup},
    tx::transaction,
};
use daybook_replay_tools::{Source, verify};
use futures::{StreamExt as _, stream};
use sqlx::{ConnectOptions as _, PgPool, postgres::PgListener};
use tokio::{
    runtime::Runtime,
    task::{JoinHandle, JoinSet},
};

use shared::mix::{Mix, filled};

/// As in `daybook-replay`; the server has the system's allocator, which holds less memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn row(what: &str, events: u64, taken: Duration) {
    let rate = events as f64 / taken.as_secs_f64();
    println!("{what:<44} {events:>9} events {:>8.2} s {rate:>10.0}/s", taken.as_secs_f64());
}

async fn history(database: &TestDatabase, mix: &Arc<Mix>, events: u64) {
    let pool = |role| connect_pool(database.options.clone(), role, 16);
    let log = PostgresLog::new(pool(PoolRole::Append).await.unwrap());
    let project = pool(PoolRole::Projector).await.unwrap();
    let (tenant, appended, taken) = filled(&log, mix, events).await;
    row("append, 32 callers, one tenant", appended, taken);
    let log = Arc::new(log);

    let (mut read, mut hashed) = (Duration::ZERO, Duration::ZERO);
    let (mut after, mut hash) = (Position(0), GENESIS);
    loop {
        let begin = Instant::now();
        let page = log.read_tenant(tenant, after, 5000).await.unwrap();
        read += begin.elapsed();
        if page.is_empty() {
            break;
        }
        let begin = Instant::now();
        (after, hash) = verify_chain(tenant, (after, hash), &page).unwrap();
        hashed += begin.elapsed();
    }
    row("read page by page, nothing else", after.0, read);
    row("follow the hashes of what was read, 1 thread", after.0, hashed);

    let url = Some(database.options.to_url_lossy().to_string());
    let source = Source { database_url: url, data_dir: None };
    let audited = source.open(tenant.uuid()).await.unwrap();
    let turns = env::var("BENCH_TURNS").ok().and_then(|it| it.parse().ok()).unwrap_or(5);
    let mut times = Vec::new();
    for _ in 0..turns {
        let begin = Instant::now();
        assert_eq!(verify(&audited).await.unwrap().events, appended);
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    row(&format!("verify the log: the slowest of {turns}"), appended, times[turns - 1]);
    row(&format!("verify the log: the middle of {turns}"), appended, times[turns / 2]);
    audited.close().await;

    let appointments: Arc<dyn Projector> = Arc::new(Appointments);
    let runner = |projectors| {
        let (id, log) = (RandomIds.next_id(), Arc::clone(&log));
        Runner::new(id, log, project.clone(), projectors, RunnerConfig::default())
    };
    let begin = Instant::now();
    runner(vec![Arc::clone(&appointments)]).settle_tenant(tenant, after).await.unwrap();
    row("catch up: appointments, live", after.0, begin.elapsed());

    let rebuild =
        Rebuild::new(project.clone(), Arc::clone(&log), tenant, Arc::clone(&appointments));
    let (begin, seen) = (Instant::now(), std::sync::Mutex::new(Instant::now()));
    let rebuild = rebuild.at(Pace::FULL);
    let done = rebuild.run(|_| *seen.lock().unwrap() = Instant::now()).await.unwrap();
    assert_eq!(done.compared.differ, 0);
    let folded = *seen.lock().unwrap() - begin;
    row("rebuild: appointments, beside the live one", done.events, folded);
    row("rebuild with comparison and swap", done.events, begin.elapsed());

    let begin = Instant::now();
    let folded: Result<_, AsideError> = transaction(&project, {
        let (log, appointments) = (Arc::clone(&log), Arc::clone(&appointments));
        move |tx| {
            Box::pin(async move {
                fold_into_temporary(tx, &log, tenant, &[appointments], Until::Head).await
            })
        }
    })
    .await;
    row("as of the head: appointments", folded.unwrap().events, begin.elapsed());
}

/// Where the projectors run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// In the process that books.
    Here,
    /// As in another process: all that they hear is what PostgreSQL notifies.
    Elsewhere,
}

/// A booking, and every read model that is to show it.
#[derive(Clone)]
struct Watched {
    log: PostgresLog,
    tenant: TenantId,
    mix: Arc<Mix>,
    checkpoints: Checkpoints,
    read_models: Vec<Arc<dyn Projector>>,
}

impl Watched {
    /// From the commit until the last read model has it.
    async fn booked(self) -> Duration {
        self.log.append(self.mix.booking(self.tenant)).await.unwrap();
        let committed = Instant::now();
        let position = self.log.head(self.tenant).await.unwrap().unwrap().position;
        for projector in &self.read_models {
            let (projector, patience) = (projector.as_ref(), Duration::from_secs(10));
            let wait = self.checkpoints.wait_for(self.tenant, projector, position, patience);
            wait.await.unwrap();
        }
        committed.elapsed()
    }
}

/// Counts what PostgreSQL notifies, until it is aborted.
async fn count_notifications(pool: PgPool, told: Arc<AtomicU32>) -> JoinHandle<()> {
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("daybook_log").await.unwrap();
    tokio::spawn(async move {
        while listener.recv().await.is_ok() {
            told.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Bookings at a steady pace, and how long each takes from its commit until every read model has it.
async fn visible(database: &TestDatabase, mix: &Arc<Mix>, runs: Runs) {
    let pool = |role| connect_pool(database.options.clone(), role, 8);
    let log = PostgresLog::new(pool(PoolRole::Append).await.unwrap());
    let tenant = TenantId::new(RandomIds.next_id());
    log.open_tenant(tenant).await.unwrap();
    let relay = |hints: &Hints| {
        HintRelay::start(database.options.clone(), hints.clone(), RandomIds.next_id())
    };
    let _telling = relay(log.hints()).await;
    let (heard, _listening) = match runs {
        Runs::Here => (log.hints().clone(), None),
        Runs::Elsewhere => {
            let heard = Hints::default();
            let listening = relay(&heard).await;
            (heard, Some(listening))
        }
    };
    let wakeups = stream::unfold(heard.subscribe(), async |mut hints| {
        let hint = hints.recv().await.ok()?;
        Some((Wakeup::Grew(hint.tenant, hint.position), hints))
    });
    let config = RunnerConfig { lease: Duration::from_secs(1), ..RunnerConfig::default() };
    let read_models: Vec<Arc<dyn Projector>> = projectors()
        .into_iter()
        .filter(|it| it.name() != "customers" && it.name() != "customer_journey")
        .collect();
    let (project, id) = (pool(PoolRole::Projector).await.unwrap(), RandomIds.next_id());
    let runner = Runner::new(id, Arc::new(log.clone()), project, read_models.clone(), config);
    let handle = runner.start(wakeups.boxed());
    let (mix, checkpoints) = (Arc::clone(mix), runner.checkpoints());
    let watched = Watched { log, tenant, mix, checkpoints, read_models };
    // The runner takes its lease.
    watched.clone().booked().await;
    let told = Arc::new(AtomicU32::new(0));
    let listening = pool(PoolRole::Append).await.unwrap();
    let counting = count_notifications(listening, Arc::clone(&told)).await;
    let mut waits = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let begin = Instant::now();
    for _ in 0..500 {
        ticks.tick().await;
        waits.spawn(watched.clone().booked());
    }
    let mut times = waits.join_all().await;
    let told = f64::from(told.load(Ordering::Relaxed)) / begin.elapsed().as_secs_f64();
    counting.abort();
    handle.stop().await;
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let models = watched.read_models.len();
    println!(
        "50 bookings (200 events) a second, commit to visible in {models} read models {}: \
         p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms, {told:.1} notifications a second",
        match runs {
            Runs::Here => "of this process",
            Runs::Elsewhere => "of another process",
        },
        at(50),
        at(99),
        at(100)
    );
}

fn main() {
    let events = env::var("BENCH_EVENTS").ok().and_then(|it| it.parse().ok()).unwrap_or(200_000);
    let mix = Arc::new(Mix::read());
    Runtime::new().unwrap().block_on(async {
        let database = TestDatabase::new().await;
        visible(&database, &mix, Runs::Here).await;
        visible(&database, &mix, Runs::Elsewhere).await;
        history(&database, &mix, events).await;
    });
}
