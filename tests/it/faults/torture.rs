//! Runners are killed, PostgreSQL is killed, a stranger keeps a transaction open: nothing is missed,
//! nothing is applied twice.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use daybook_adapters::{
    clock::RandomIds,
    embedded_postgres::{EmbeddedConfig, EmbeddedPostgres},
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
};
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::{AppendError, EventLog as _},
};
use daybook_migrations::MIGRATOR;
use daybook_projections::{
    aside::{AsideError, Until, compare, fold_into_temporary},
    projector::Projector,
    registry::projectors,
    runner::Checkpoints,
    tx::transaction,
};
use daybook_replay_tools::{Source, verify};
use daybook_testkit::child::Program;
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgPool, postgres::PgConnectOptions,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

const KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";
const METADATA: &str =
    r#"{"actor":"key:1","at":"2026-11-01T00:00:00Z","correlation_id":"r1","source":"api"}"#;
const WRITERS: u64 = 6;
const RUNNERS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_runners_and_databases_miss_nothing_and_apply_nothing_twice() {
    torture(4_000, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the same over 200,000 events: cargo test -p daybook-tests --test it -- --ignored tortured_for_long --nocapture"]
async fn tortured_for_long() {
    torture(200_000, 40).await;
}

/// A booking on streams of its own: what was in doubt can be appended again, and is refused if it is
/// there.
fn booking(tenant: TenantId) -> Append {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
    let one = |kind: &'static str, name: &str| {
        let payload = std::fs::read_to_string(golden.join(format!("{name}.v1.0.0.json"))).unwrap();
        let event = EventData {
            event_id: RandomIds.next_id(),
            event_type: name.to_owned().into(),
            event_version: "1.0.0".into(),
            payload,
            metadata: METADATA.into(),
        };
        let id = RandomIds.next_id();
        let id =
            if kind == "calendar_day" { format!("staff:{id}:2026-12-01") } else { id.to_string() };
        let (stream, expected) = (StreamId::new(kind, id), ExpectedRevision::NoStream);
        StreamWrite { stream, expected, events: vec![event] }
    };
    let writes = vec![
        one("appointment", "appointment.booked"),
        one("calendar_day", "calendar_day.claimed"),
        one("phase", "phase.planned"),
    ];
    Append { tenant, command: None, writes, unchanged: Vec::new() }
}

/// Appends until so many events are in, whatever happens to the database.
#[expect(clippy::disallowed_methods, reason = "a database that starts again is asked now and then")]
async fn write(log: PostgresLog, tenant: TenantId, events: u64, written: Arc<AtomicU64>) {
    while written.fetch_add(3, Ordering::SeqCst) < events {
        let append = booking(tenant);
        loop {
            match log.append(append.clone()).await {
                // What is in already was in doubt.
                Ok(_) | Err(AppendError::Conflict(_)) => break,
                Err(AppendError::Log(_) | AppendError::KeyReused) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

/// Kills something whenever another part of the events is in.
#[expect(clippy::disallowed_methods, reason = "how far the writers are is looked at now and then")]
async fn chaos(server: &EmbeddedPostgres, url: &str, written: &AtomicU64, events: u64, kills: u64) {
    let start = || Program::serve(url, KEY);
    let mut runners: Vec<Option<Program>> = (0..RUNNERS).map(|_| start()).collect();
    let mut crashes = 0;
    for kill in 1..=kills {
        while written.load(Ordering::SeqCst) < events * kill / (kills + 1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Three crashes: more than five within a minute would be the end of it.
        if kill % (kills / 3) == 0 {
            if let Some(process) = server.pid() {
                let mut kill = std::process::Command::new("kill");
                assert!(kill.args(["-9", &process.to_string()]).status().unwrap().success());
                crashes += 1;
                assert!(server.wait_for_restarts(crashes, Duration::from_mins(1)));
            }
        } else {
            let victim = usize::try_from(kill).unwrap() % RUNNERS;
            if let Some(runner) = runners[victim].take() {
                runner.kill();
            }
        }
        for runner in &mut runners {
            if runner.as_mut().is_none_or(|runner| !runner.is_running()) {
                *runner = start();
            }
        }
    }
    // At least one is left to finish.
    while written.load(Ordering::SeqCst) < events {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(runners.iter_mut().flatten().any(Program::is_running), "no runner runs");
    RUNNING.with_borrow_mut(|running| running.extend(runners.into_iter().flatten()));
}

thread_local! {
    /// Runners that live until the test ends.
    static RUNNING: std::cell::RefCell<Vec<Program>> = const { std::cell::RefCell::new(Vec::new()) };
}

async fn torture(events: u64, kills: u64) {
    let data_dir = TempDir::new().unwrap();
    let server = EmbeddedPostgres::start_async(EmbeddedConfig::new(data_dir.path())).await.unwrap();
    let options = migrated(&server).await;
    let url = options.to_url_lossy().to_string();
    let log = PostgresLog::new(pool(&options, PoolRole::Append, 8).await);
    let tenants: Vec<TenantId> = (0..3).map(|_| TenantId::new(RandomIds.next_id())).collect();
    for tenant in &tenants {
        log.open_tenant(*tenant).await.unwrap();
    }
    // Somebody else writes and does not come to an end.
    let mut stranger = options.connect().await.unwrap();
    stranger.execute("BEGIN; CREATE TABLE public.scribble (n int)").await.unwrap();

    let written = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let tenant = tenants[usize::try_from(writer).unwrap() % tenants.len()];
        writers.spawn(write(log.clone(), tenant, events, Arc::clone(&written)));
    }
    chaos(&server, &url, &written, events, kills).await;
    writers.join_all().await;
    for tenant in &tenants {
        check(&options, &log, *tenant).await;
    }
    drop(stranger);
    RUNNING.take();
    server.stop_async().await;
}

async fn migrated(server: &EmbeddedPostgres) -> PgConnectOptions {
    let mut connection = server.options().connect().await.unwrap();
    MIGRATOR.run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    server.options()
}

async fn pool(options: &PgConnectOptions, role: PoolRole, size: u32) -> PgPool {
    connect_pool(options.clone(), role, size).await.unwrap()
}

/// Every read model reaches the head and is what a fold of the log says; the chain is whole.
async fn check(options: &PgConnectOptions, log: &PostgresLog, tenant: TenantId) {
    let head = log.head(tenant).await.unwrap().unwrap().position;
    let projector_pool = pool(options, PoolRole::Projector, 4).await;
    let checkpoints = Checkpoints::new(projector_pool.clone());
    for projector in projectors() {
        let patience = Duration::from_secs(90);
        let reached = checkpoints.wait_for(tenant, projector.as_ref(), head, patience).await;
        assert_eq!(reached.unwrap(), head, "{projector:?}");
        let differ = differ(&projector_pool, log, tenant, projector).await;
        assert_eq!(differ, 0);
    }
    let seen: (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT position) FROM activity_log WHERE tenant_id = $1",
    )
    .bind(tenant.uuid())
    .fetch_one(&projector_pool)
    .await
    .unwrap();
    assert_eq!(seen, (head.0.cast_signed(), head.0.cast_signed()));
    let source = Source { database_url: Some(options.to_url_lossy().to_string()), data_dir: None };
    let history = source.open(tenant.uuid()).await.unwrap();
    assert_eq!(verify(&history).await.unwrap().events, head.0);
    history.close().await;
}

async fn differ(
    pool: &PgPool,
    log: &PostgresLog,
    tenant: TenantId,
    projector: Arc<dyn Projector>,
) -> u64 {
    let log = Arc::new(log.clone());
    let compared: Result<_, AsideError> = transaction(pool, move |tx| {
        Box::pin(async move {
            fold_into_temporary(tx, &log, tenant, &[Arc::clone(&projector)], Until::Head).await?;
            compare(tx, tenant, projector.as_ref(), &[], 3).await
        })
    })
    .await;
    let compared = compared.unwrap();
    assert_eq!(compared.first, Vec::new());
    compared.differ
}
