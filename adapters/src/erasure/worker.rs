//! The job that forgets whose grace is over, and finishes what was begun (GDPR-07, JOB-11).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
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
use daybook_projections::customers;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{EraseError, Eraser, Erasing};
use crate::postgres::{Scope, Stalled, unless_stalled};

/// How often is looked for those whose grace is over.
const LOOK: Duration = Duration::from_mins(1);
/// How long a turn may wait for one answer of the database.
const STALLED: Duration = Duration::from_secs(30);
/// Tenants, and people of a tenant, that are looked at in one go.
const PAGE: u32 = 500;

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
    next_due_at: Option<DateTime<Utc>>,
}

/// Remembers tenants from turn to turn; a process that starts knows nothing and looks at all of them.
#[derive(Default)]
struct Memory(Mutex<HashMap<TenantId, Looked>>);

/// An eraser at work. It stops when it is told to, or at the latest when it is dropped.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts to work: now, and every minute.
    pub fn start<L: EventLog>(eraser: Arc<Eraser<L>>) -> Self {
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
                match unless_stalled(STALLED, eraser.turn_with(&memory)).await {
                    Ok(Ok(_turn)) => (),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "nobody could be looked for who is to be forgotten");
                    }
                    Err(Stalled) => tracing::warn!("the database is silent: erasures wait"),
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
        self.turn_with(&Memory::default()).await
    }

    async fn turn_with(&self, memory: &Memory) -> Result<Turn, LogError> {
        let mut turn = Turn::default();
        let mut after = None;
        loop {
            let heads = self.parts.dispatcher.log().heads(after, PAGE as usize).await?;
            let Some(last) = heads.last() else { return Ok(turn) };
            after = Some(last.tenant);
            for head in &heads {
                if let Err(error) = self.look_at(head, memory, &mut turn).await {
                    turn.failed += 1;
                    tracing::warn!(tenant = %head.tenant, %error, "nobody could be forgotten here");
                }
            }
        }
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
        memory.put(tenant, Looked { position: found.position, next_due_at: found.next_due_at });
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
    fn get(&self, tenant: TenantId) -> Option<Looked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied()
    }

    fn put(&self, tenant: TenantId, looked: Looked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, looked);
    }
}
