//! The projection runner and the read models on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod aside;
mod digests;
mod history;
mod plans;
mod read_models;
mod renewal;
mod runner;
mod seeded;
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use daybook_adapters::{
    clock::RandomIds,
    log::{Hints, MemoryLog},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{
    event_log::{Append, Appended, EventData, ExpectedRevision, Position, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog,
};
use daybook_projections::{
    event::Event,
    projector::{ProjectionError, Projector},
    runner::{Runner, RunnerConfig, Wakeup, Wakeups},
};
use futures::{StreamExt as _, future::BoxFuture, stream};
use sqlx::{ConnectOptions as _, PgConnection, PgPool};
use tokio::sync::broadcast::error::RecvError;

/// A log, a database of read models, and runners on them.
struct Bench {
    log: Arc<MemoryLog>,
    pool: PgPool,
    database: TestDatabase,
}

impl Bench {
    async fn new() -> Self {
        Self::on(Arc::new(MemoryLog::new())).await
    }

    async fn on(log: Arc<MemoryLog>) -> Self {
        let database = TestDatabase::new().await;
        let pool = database.pool(PoolRole::Projector).await;
        Self { log, pool, database }
    }

    fn runner(&self, projectors: Vec<Arc<dyn Projector>>) -> Runner<MemoryLog> {
        self.runner_with(projectors, RunnerConfig::default())
    }

    fn runner_with(
        &self,
        projectors: Vec<Arc<dyn Projector>>,
        config: RunnerConfig,
    ) -> Runner<MemoryLog> {
        let id = RandomIds.next_id();
        Runner::new(id, Arc::clone(&self.log), self.pool.clone(), projectors, config)
    }

    async fn tenant(&self) -> TenantId {
        let tenant = TenantId::new(RandomIds.next_id());
        self.log.open_tenant(tenant).await.unwrap();
        tenant
    }

    /// Appends an event with a payload that no aggregate knows.
    async fn note(&self, tenant: TenantId, stream: &str, payload: &str) -> Position {
        let event = EventData {
            event_id: RandomIds.next_id(),
            event_type: "note.made".into(),
            event_version: "1.0.0".into(),
            payload: payload.to_owned(),
            metadata: history::METADATA.into(),
        };
        append(&*self.log, tenant, StreamId::new("note", stream), vec![event]).await
    }
}

async fn append(
    log: &impl EventLog,
    tenant: TenantId,
    stream: StreamId,
    events: Vec<EventData>,
) -> Position {
    let writes = vec![StreamWrite { stream, expected: ExpectedRevision::Any, events }];
    let append = Append { tenant, command: None, writes, unchanged: Vec::new() };
    match log.append(append).await.unwrap() {
        Appended::New { position } | Appended::Repeated { position, .. } => position,
    }
}

/// What a log of this process tells its runners.
fn wakeups(hints: &Hints) -> Wakeups {
    let receiver = hints.subscribe();
    stream::unfold(receiver, |mut receiver| async move {
        let wakeup = match receiver.recv().await {
            Ok(hint) => Wakeup::Grew(hint.tenant, hint.position),
            Err(RecvError::Lagged(_)) => Wakeup::Missed,
            Err(RecvError::Closed) => return None,
        };
        Some((wakeup, receiver))
    })
    .boxed()
}

/// Leases and polls that are short enough for a test.
fn impatient() -> RunnerConfig {
    RunnerConfig {
        batch: 20,
        gather: Duration::from_millis(5),
        concurrency: 2,
        poll: Duration::from_millis(50),
        lease: Duration::from_millis(600),
    }
}

/// Counts every event into a table of its own: one that is missed or comes twice shows at once.
/// It refuses the payload `"bad"` for as long as it is told to.
struct Tally {
    name: &'static str,
    refuses: AtomicBool,
    is_broken: AtomicBool,
    batches: AtomicUsize,
}

impl Tally {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            refuses: AtomicBool::new(true),
            is_broken: AtomicBool::new(false),
            batches: AtomicUsize::new(0),
        })
    }

    async fn table(bench: &Bench) {
        // The tests' own table stands in the place of a read model's migration.
        let mut owner = bench.database.options.connect().await.unwrap();
        for statement in [
            "CREATE TABLE read.tally (projector text, tenant_id uuid, position bigint, \
             aggregate_id text, PRIMARY KEY (projector, tenant_id, position))",
            "GRANT SELECT, INSERT ON read.tally TO daybook_projector",
        ] {
            sqlx::query(statement).execute(&mut owner).await.unwrap();
        }
    }

    async fn positions(&self, bench: &Bench, tenant: TenantId) -> Vec<i64> {
        sqlx::query_scalar(
            "SELECT position FROM read.tally WHERE tenant_id = $1 AND projector = $2 \
             ORDER BY position",
        )
        .bind(tenant.uuid())
        .bind(self.name)
        .fetch_all(&bench.pool)
        .await
        .unwrap()
    }
}

impl Projector for Tally {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &["note"]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.tally"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.batches.fetch_add(1, Ordering::Relaxed);
            if self.is_broken.load(Ordering::Relaxed) {
                sqlx::query("SELECT no_such_column FROM read.tally").execute(&mut *tx).await?;
            }
            for event in events {
                if self.refuses.load(Ordering::Relaxed) && event.recorded.payload == "\"bad\"" {
                    return Err(ProjectionError::Contradiction("a bad note"));
                }
                // No ON CONFLICT: an event that comes twice is an error.
                sqlx::query("INSERT INTO read.tally VALUES ($1, $2, $3, $4)")
                    .bind(self.name)
                    .bind(tenant.uuid())
                    .bind(event.recorded.position.0.cast_signed())
                    .bind(event.recorded.stream.aggregate_id.as_ref())
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(())
        })
    }
}
