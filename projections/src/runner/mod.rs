//! The runner: brings every read model up to the heads of the log, and keeps it there.
//!
//! - The rows of a batch and the checkpoint that stands for them commit together, and a checkpoint
//!   moves only from where the batch began: nothing is missed, nothing is applied twice, whoever
//!   dies when.
//! - A tenant's batch is read once and handed to all projectors that stand at the same place. One
//!   that fails stays behind in a lane of its own; once it has caught up it travels with the
//!   others again.
//! - Work is spread over processes by leases on ranges of tenants. A lease is a row with an epoch;
//!   the checkpoint's move is fenced by it.
//! - An event that a projector cannot follow parks its stream for that projector, and nothing else.
//! - Hints wake the runner; a poll of the heads is the safety net.

mod checkpoint;
mod lag;
mod lease;
mod parked;
mod reader;
mod step;
mod tenant;
mod work;
mod worked;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use daybook_domain::{
    event_log::Position,
    ids::TenantId,
    ports::{EventLog, LogError},
};
use sqlx::PgPool;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use uuid::Uuid;

use crate::projector::{ProjectionError, Projector};

pub(crate) use self::step::project_one;
pub use self::{
    checkpoint::{Checkpoints, WaitError},
    lag::Lag,
    lease::LeasedRanges,
    lease::RANGES,
    parked::{ParkedStream, Retried},
    work::{RunnerHandle, Wakeup, Wakeups},
    worked::Worked,
};
use self::{
    lag::LagTracker,
    tenant::{Lane, Standing},
    worked::Tally,
};

/// What is remembered of a tenant to which nothing happens is dropped after so long.
const IDLE: Duration = Duration::from_mins(2);

/// How a runner works.
#[derive(Clone, Copy, Debug)]
pub struct RunnerConfig {
    /// Events per batch.
    pub batch: usize,
    /// Tenants at the same time. Each needs a connection of the pool while it writes.
    pub concurrency: usize,
    /// How long a tenant that was brought to its head gathers news before its next turn.
    pub gather: Duration,
    /// How often the heads are polled, in case a hint got lost.
    pub poll: Duration,
    /// How long a lease lasts without being renewed; a dead runner's tenants wait so long.
    pub lease: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            batch: 1000,
            concurrency: 4,
            gather: Duration::from_millis(20),
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(3),
        }
    }
}

/// Why the read models could not be brought to the heads.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The log could not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database of the read models could not answer.
    #[error("the read models are unavailable")]
    Unavailable(#[from] sqlx::Error),
    /// A projector is broken: its own statements fail.
    #[error("projector {projector} cannot go on")]
    Halted {
        /// Its name.
        projector: &'static str,
        /// What is wrong with it.
        #[source]
        error: ProjectionError,
    },
}

/// Brings read models up to the heads of a log. Cheap to clone; clones share everything.
pub struct Runner<L> {
    shared: Arc<Shared<L>>,
}

/// A lane, and when it was used last.
type UsedLane = (Arc<AsyncMutex<Lane>>, Instant);

struct Shared<L> {
    id: Uuid,
    log: Arc<L>,
    pool: PgPool,
    projectors: Vec<Arc<dyn Projector>>,
    checkpoints: Checkpoints,
    tally: Tally,
    config: RunnerConfig,
    lanes: Mutex<HashMap<TenantId, UsedLane>>,
    ranges: LeasedRanges,
    lag: AsyncMutex<LagTracker>,
    /// Whether the last renewal of the leases found no other runner.
    is_only: AtomicBool,
}

impl<L> Clone for Runner<L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<L> std::fmt::Debug for Runner<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("id", &self.shared.id)
            .field("projectors", &self.shared.projectors)
            .finish_non_exhaustive()
    }
}

impl<L: EventLog> Runner<L> {
    /// A runner over a log, writing through a pool of the projector role. `id` tells it from the
    /// other runners of the database.
    pub fn new(
        id: Uuid,
        log: Arc<L>,
        pool: PgPool,
        projectors: Vec<Arc<dyn Projector>>,
        config: RunnerConfig,
    ) -> Self {
        let checkpoints = Checkpoints::new(pool.clone());
        let lanes = Mutex::default();
        let shared = Shared {
            id,
            log,
            pool,
            projectors,
            checkpoints,
            tally: Tally::default(),
            config,
            lanes,
            ranges: LeasedRanges::default(),
            lag: AsyncMutex::default(),
            is_only: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The ranges of tenants that this runner holds while it is at work.
    pub fn ranges(&self) -> LeasedRanges {
        self.shared.ranges.clone()
    }

    /// Where the projectors stand; for queries that wait for their own writes.
    pub fn checkpoints(&self) -> Checkpoints {
        self.shared.checkpoints.clone()
    }

    /// Whether this was the only runner of the database when it last looked, a second ago. `false`
    /// while it does not work: then nobody knows.
    pub fn is_only(&self) -> bool {
        self.shared.is_only.load(Ordering::Relaxed)
    }

    /// Brings every projector of every tenant to where the heads stand now, whoever holds the
    /// leases: the compare-and-set of the checkpoints is guard enough.
    pub async fn settle(&self) -> Result<(), RunnerError> {
        let mut after = None;
        loop {
            let heads = self.shared.log.heads(after, 1000).await?;
            let Some(last) = heads.last() else { return Ok(()) };
            after = Some(last.tenant);
            for head in &heads {
                self.settle_tenant(head.tenant, head.position).await?;
            }
        }
    }

    /// As [`Runner::settle`], for one tenant and up to one position at least.
    pub async fn settle_tenant(
        &self,
        tenant: TenantId,
        position: Position,
    ) -> Result<(), RunnerError> {
        loop {
            match self.shared.advance_tenant(tenant, None, usize::MAX).await? {
                Standing::At(reached) if position <= reached => return Ok(()),
                Standing::Halted(projector, error) => {
                    return Err(RunnerError::Halted { projector, error });
                }
                // Another runner was quicker somewhere; its work counts too.
                Standing::At(_) | Standing::Behind | Standing::Fenced | Standing::Resting => {}
            }
        }
    }
}

impl<L> Shared<L> {
    fn lane(&self, tenant: TenantId) -> Arc<AsyncMutex<Lane>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let (lane, used) = lanes.entry(tenant).or_insert_with(|| (Arc::default(), Instant::now()));
        *used = Instant::now();
        Arc::clone(lane)
    }

    /// Drops what is remembered of tenants to which nothing has happened for a while; it is read again.
    fn shrink(&self) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, (lane, used)| 1 < Arc::strong_count(lane) || used.elapsed() < IDLE);
        self.checkpoints.keep(|tenant| lanes.contains_key(&tenant));
    }

    /// Forgets where the projectors stand with a tenant: the checkpoints are behind its head, maybe
    /// because a crash of the database took the last of them along. A tenant in its turn will find
    /// out by itself.
    fn forget(&self, tenant: TenantId) {
        if let Ok(mut lane) = self.lane(tenant).try_lock() {
            lane.positions = None;
            self.checkpoints.forget(Some(tenant));
        }
    }
}
