//! The log against stock postgres-es: the same 4 events over 3 streams, the same server, pools of
//! 16, durability on, 1, 8 and 32 callers.
//!
//! `cargo bench -p daybook-tests --bench append`; `BENCH_SECONDS` and `BENCH_ROUNDS` set the length.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "ratios are for people")]

use std::{
    env,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use cqrs_es::persist::{PersistedEventRepository as _, SerializedEvent};
use daybook_adapters::{
    clock::RandomIds,
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    testing::{TestDatabase, postgres},
};
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    tenant::Tenant,
};
use postgres_es::PostgresEventRepository;
use sqlx::postgres::PgPoolOptions;
use tokio::{runtime::Runtime, task::JoinSet};

const POOL: u32 = 16;
const METADATA: &str = r#"{"actor":"key:01a1fc61-6a93-7730-a9d2-afb5caf09bf6","at":"2026-11-21T08:00:00Z","correlation_id":"01a1fc61-6a93-7730-a9d2-afb5caf09bf7","source":"api"}"#;

fn payload() -> String {
    let id = RandomIds.next_id();
    format!(
        r#"{{"Claimed":{{"claim_id":"{id}","slot":{{"from":"2026-11-23T08:00:00Z","to":"2026-11-23T08:30:00Z"}},"units":1,"capacity":1,"purpose":{{"kind":"booked","appointment_id":"{id}","phase_id":"{id}"}},"service_id":"{id}"}}}}"#
    )
}

/// 2 events on a day, 1 on a phase, 1 on an appointment: a simple booking.
const SHAPE: [(&str, usize); 3] = [("day", 2), ("phase", 1), ("appointment", 1)];

fn append(tenant: TenantId) -> Append {
    let writes = SHAPE.iter().map(|(aggregate_type, events)| StreamWrite {
        stream: StreamId::new(*aggregate_type, RandomIds.next_id().to_string()),
        expected: ExpectedRevision::NoStream,
        events: (0..*events)
            .map(|_| EventData {
                event_id: RandomIds.next_id(),
                event_type: "calendar_day.claimed".into(),
                event_version: "1.0.0".into(),
                payload: payload(),
                metadata: METADATA.into(),
            })
            .collect(),
    });
    Append { tenant, command: None, writes: writes.collect(), unchanged: Vec::new() }
}

fn stock_events() -> Vec<SerializedEvent> {
    let mut events = Vec::new();
    for (aggregate_type, count) in SHAPE {
        let id = RandomIds.next_id().to_string();
        events.extend((1..=count).map(|sequence| SerializedEvent {
            aggregate_id: id.clone(),
            sequence,
            aggregate_type: aggregate_type.to_owned(),
            event_type: "calendar_day.claimed".to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: serde_json::from_str(&payload()).unwrap(),
            metadata: serde_json::from_str(METADATA).unwrap(),
        }));
    }
    events
}

/// What one round brought.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Lets so many callers append, one after another each, for a while.
async fn round<F, W>(callers: usize, length: Duration, work: F) -> Round
where
    F: Fn(usize) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let work = work.clone();
        tasks.spawn(async move {
            let mut taken = Vec::new();
            while begin.elapsed() < length {
                let start = Instant::now();
                work(caller).await;
                taken.push(start.elapsed());
            }
            taken
        });
    }
    let mut taken = tasks.join_all().await.concat();
    let per_second = taken.len() as f64 / begin.elapsed().as_secs_f64();
    taken.sort_unstable();
    let at = |part: usize| taken[taken.len() * part / 100];
    Round { per_second, p50: at(50), p99: at(99) }
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn stock_repository() -> (Arc<PostgresEventRepository>, postgres::TestDatabase) {
    let database = postgres::server().empty_database().await;
    let pool = PgPoolOptions::new().max_connections(POOL);
    let pool = pool.connect_with(database.options.clone()).await.unwrap();
    // The table of the README of postgres-es.
    let table = "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL, \
                 sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, \
                 event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL, \
                 timestamp timestamptz DEFAULT (CURRENT_TIMESTAMP), \
                 PRIMARY KEY (aggregate_type, aggregate_id, sequence))";
    sqlx::query(table).execute(&pool).await.unwrap();
    (Arc::new(PostgresEventRepository::new(pool)), database)
}

async fn bench() {
    let length = Duration::from_secs(setting("BENCH_SECONDS", 2));
    let rounds = setting("BENCH_ROUNDS", 3);
    let (stock, _stock_database) = stock_repository().await;
    let database = TestDatabase::new().await;
    let pool = connect_pool(database.options.clone(), PoolRole::Append, POOL).await.unwrap();
    let log = PostgresLog::new(pool);
    let mut tenants = Vec::new();
    for _ in 0..32 {
        let tenant = TenantId::new(RandomIds.next_id());
        log.open_tenant(tenant).await.unwrap();
        tenants.push(tenant);
    }
    println!(
        "4 events over 3 streams, pool of {POOL}, durability on, {rounds} rounds of {length:?}"
    );
    println!(
        "{:>7}  {:<30} {:>9} {:>10} {:>10} {:>7}",
        "callers", "store", "appends/s", "p50", "p99", "ratio"
    );
    for callers in [1, 8, 32] {
        let (mut plain, mut spread, mut hot) = (Vec::new(), Vec::new(), Vec::new());
        // In turns, so that whatever else the machine does disturbs all of them alike.
        for _ in 0..rounds {
            let repository = Arc::clone(&stock);
            let work = move |_caller| {
                let repository = Arc::clone(&repository);
                async move {
                    repository.persist::<Tenant>(&stock_events(), None).await.unwrap();
                }
            };
            plain.push(round(callers, length, work).await);
            for (rounds, tenants) in [(&mut spread, &tenants[..]), (&mut hot, &tenants[..1])] {
                let (log, tenants) = (log.clone(), tenants.to_vec());
                let work = move |caller: usize| {
                    let (log, tenant) = (log.clone(), tenants[caller % tenants.len()]);
                    async move {
                        log.append(append(tenant)).await.unwrap();
                    }
                };
                rounds.push(round(callers, length, work).await);
            }
        }
        let base = median(plain);
        let rows = [
            ("postgres-es, stock", &base),
            ("Daybook, 32 tenants, chained", &median(spread)),
            ("Daybook, 1 tenant, chained", &median(hot)),
        ];
        for (name, row) in rows {
            println!(
                "{callers:>7}  {name:<30} {:>9.0} {:>10} {:>10} {:>6.2}x",
                row.per_second,
                format!("{:.2} ms", row.p50.as_secs_f64() * 1e3),
                format!("{:.2} ms", row.p99.as_secs_f64() * 1e3),
                row.per_second / base.per_second
            );
        }
    }
}

fn main() {
    Runtime::new().unwrap().block_on(bench());
}
