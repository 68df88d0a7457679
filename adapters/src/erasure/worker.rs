//! The job that forgets whose grace is over, and finishes what was begun (GDPR-07, JOB-11).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use daybook_domain::{
    customer::ErasureReason,
    dispatch::{CommandContext, CommandError},
    event_log::{Head, Position},
    ids::{CustomerId, TenantId},
    ports::{EventLog, LogError},
};
use daybook_projections::{customers, runner::LeasedRanges};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use uuid::Uuid;

use super::{EraseError, Eraser, Erasing};
use crate::postgres::Scope;

/// How often is looked for those whose grace is over.
const LOOK: Duration = Duration::from_mins(1);
/// People of a tenant that are looked at in one go.
const PAGE: u32 = 500;
/// A read model follows the log in less than that, and what is seen twice does no harm.
const MARGIN: Duration = Duration::from_mins(5);

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// People whose grace was over.
    pub erased: usize,
    /// People whose erasure was finished, or found to be.
    pub finished: usize,
    /// Tenants and people that could not be served; the next turn tries again.
    pub failed: usize,
}

/// Where a tenant was looked at last: it is looked at again when its history has moved on, or when
/// somebody's grace is over.
#[derive(Clone, Copy)]
struct Looked {
    position: Position,
    /// Where its history stood: the read model may have been behind.
    head: Position,
    next_due_at: Option<DateTime<Utc>>,
}

/// Remembers tenants from turn to turn; a process that starts knows nothing and looks at all of them.
#[derive(Default)]
struct Memory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    looked: HashMap<TenantId, Looked>,
    /// The ranges that were looked at, and when that began.
    ranges: HashSet<i32>,
    since: Option<Instant>,
}

/// An eraser at work. It stops when it is told to, or at the latest when it is dropped.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts to work on the tenants of some ranges: now, and every minute.
    pub fn start<L: EventLog>(eraser: Arc<Eraser<L>>, ranges: LeasedRanges) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let memory = Memory::default();
            let mut pace = interval(LOOK);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _stopped_or_gone = stopped.changed() => break,
                    _time_to_look = pace.tick() => (),
                }
                if let Err(error) = eraser.turn_with(&memory, &ranges.get()).await {
                    tracing::warn!(%error, "nobody could be looked for who is to be forgotten");
                }
            }
        });
        Self { stop, task }
    }

    /// Finishes the turn that is under way.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.task.await.is_err() {
            tracing::error!("the job that forgets people broke off");
        }
    }
}

impl<L: EventLog> Eraser<L> {
    /// Looks at all tenants: forgets whose grace is over, and finishes what was begun. What one person's
    /// data suffer from is not the others' fault: it is told in the log and in the answer.
    pub async fn turn(&self) -> Result<Turn, LogError> {
        self.turn_with(&Memory::default(), &LeasedRanges::all().get()).await
    }

    async fn turn_with(&self, memory: &Memory, ranges: &[i32]) -> Result<Turn, LogError> {
        let (mut turn, now) = (Turn::default(), Instant::now());
        let log = self.parts.dispatcher.log();
        // What is new here has to be looked at whenever it moved.
        let is_known = memory.begin(ranges);
        let heads = match memory.since().filter(|_| is_known) {
            Some(since) => {
                let mut heads = log.moved_heads(ranges, since.elapsed() + MARGIN).await?;
                let known: HashSet<TenantId> = heads.iter().map(|head| head.tenant).collect();
                for tenant in memory.due(self.parts.clock.now()) {
                    if !known.contains(&tenant) {
                        heads.extend(log.head(tenant).await?);
                    }
                }
                heads
            }
            None => self.heads_with_erasures(ranges).await?,
        };
        for head in &heads {
            if let Err(error) = self.look_at(head, memory, &mut turn).await {
                turn.failed += 1;
                tracing::warn!(tenant = %head.tenant, %error, "nobody could be forgotten here");
            }
        }
        if turn.failed == 0 {
            memory.done(ranges, now);
        }
        Ok(turn)
    }

    /// The heads of the tenants of which somebody waits to be erased or was erased: nothing has to be
    /// done for the others until their histories move.
    async fn heads_with_erasures(&self, ranges: &[i32]) -> Result<Vec<Head>, LogError> {
        let tenants: Vec<Uuid> = sqlx::query_scalar(include_str!("with_erasures.sql"))
            .bind(ranges)
            .fetch_all(&self.parts.project)
            .await
            .map_err(|error| LogError::Unavailable(Box::new(error)))?;
        let (mut heads, log) = (Vec::with_capacity(tenants.len()), self.parts.dispatcher.log());
        for tenant in tenants {
            heads.extend(log.head(TenantId::new(tenant)).await?);
        }
        Ok(heads)
    }

    async fn look_at(
        &self,
        head: &Head,
        memory: &Memory,
        turn: &mut Turn,
    ) -> Result<(), EraseError> {
        let (tenant, now) = (head.tenant, self.parts.clock.now());
        let looked = memory.get(tenant);
        let is_due = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= now);
        if looked.is_some_and(|it| it.position == head.position && !is_due(it.next_due_at)) {
            return Ok(());
        }
        let mut scope = Scope::acquire(&self.parts.read, tenant).await?;
        let found = customers::erasures(&mut scope, tenant).await?;
        drop(scope);
        if is_due(found.next_due_at) {
            self.erase_due(tenant, now, turn).await?;
        }
        let seen = looked.map_or(Position(0), |it| it.position);
        self.finish_since(tenant, seen, turn).await?;
        let (position, next_due_at) = (found.position, found.next_due_at);
        memory.put(tenant, Looked { position, head: head.position, next_due_at });
        Ok(())
    }

    async fn erase_due(
        &self,
        tenant: TenantId,
        now: DateTime<Utc>,
        turn: &mut Turn,
    ) -> Result<(), EraseError> {
        let mut after = None;
        loop {
            let mut scope = Scope::acquire(&self.parts.read, tenant).await?;
            let due = customers::due(&mut scope, tenant, now, after, PAGE).await?;
            drop(scope);
            let Some(last) = due.last() else { return Ok(()) };
            after = Some(*last);
            for customer in due {
                match self.erase_by_system(tenant, now, customer).await {
                    Ok(()) => turn.erased += 1,
                    // Another process is at it.
                    Err(EraseError::Command(CommandError::Contended)) => {}
                    Err(error) => {
                        turn.failed += 1;
                        tracing::warn!(%tenant, %customer, %error, "a customer is not forgotten yet");
                    }
                }
            }
        }
    }

    async fn erase_by_system(
        &self,
        tenant: TenantId,
        now: DateTime<Utc>,
        customer_id: CustomerId,
    ) -> Result<(), EraseError> {
        let ids = self.parts.ids.clone();
        let context = CommandContext::system(tenant, "erasure", now, ids);
        let reason = ErasureReason::Requested;
        let wish = Erasing { customer_id, reason, only_if_due: true, expected: None };
        self.erase(&context, wish).await?;
        Ok(())
    }

    /// Finishes the erasure of everybody of whom something was recorded since.
    async fn finish_since(
        &self,
        tenant: TenantId,
        mut since: Position,
        turn: &mut Turn,
    ) -> Result<(), EraseError> {
        loop {
            let mut scope = Scope::acquire(&self.parts.read, tenant).await?;
            let forgotten = customers::forgotten(&mut scope, tenant, since, PAGE).await?;
            drop(scope);
            let Some((_, last)) = forgotten.last() else { return Ok(()) };
            since = *last;
            let ids: Vec<CustomerId> = forgotten.iter().map(|(id, _)| *id).collect();
            self.finish(tenant, &ids).await?;
            turn.finished += ids.len();
        }
    }
}

impl Memory {
    fn inner(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, tenant: TenantId) -> Option<Looked> {
        self.inner().looked.get(&tenant).copied()
    }

    fn put(&self, tenant: TenantId, looked: Looked) {
        self.inner().looked.insert(tenant, looked);
    }

    /// Drops what is remembered of other ranges. Whether all of these were looked at before.
    fn begin(&self, ranges: &[i32]) -> bool {
        let mut inner = self.inner();
        inner.looked.retain(|tenant, _| ranges.contains(&tenant.range()));
        ranges.iter().all(|range| inner.ranges.contains(range))
    }

    fn since(&self) -> Option<Instant> {
        self.inner().since
    }

    /// The tenants that are to be looked at although they have not moved.
    fn due(&self, now: DateTime<Utc>) -> Vec<TenantId> {
        let inner = self.inner();
        let due = inner
            .looked
            .iter()
            .filter(|(_, it)| it.position < it.head || it.next_due_at.is_some_and(|at| at <= now));
        due.map(|(tenant, _)| *tenant).collect()
    }

    fn done(&self, ranges: &[i32], began: Instant) {
        let mut inner = self.inner();
        inner.ranges = ranges.iter().copied().collect();
        inner.since = Some(began);
    }
}
