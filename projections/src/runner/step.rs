//! One step of some projectors with one tenant: the checkpoints move and the rows are written, in
//! one transaction or not at all.

use std::{collections::BTreeSet, sync::Arc};

use daybook_domain::{
    event_log::{Position, StreamId},
    ids::TenantId,
};
use sqlx::{Executor as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    aside::Skips,
    event::Event,
    projector::{ProjectionError, Projector, Reaction},
    tx::transaction,
};

use super::parked;

/// The right to move the checkpoints of a range of tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) owner: Uuid,
    pub(super) range_no: i32,
    pub(super) epoch: i64,
}

/// What is to be done. All members stand at `from`; the events follow it without a gap.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) tenant: TenantId,
    pub(super) members: Vec<(usize, Arc<dyn Projector>)>,
    pub(super) from: Position,
    pub(super) to: Position,
    pub(super) events: Arc<[Event]>,
    pub(super) fence: Option<Fence>,
    /// Whether the history did not move back since the events were read. It is asked on a connection
    /// whose server was compared with what is known.
    pub(super) is_current: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Why a step was not made. Nothing of it is there.
#[derive(Debug)]
pub(super) enum StepError {
    /// The checkpoints stand elsewhere, the lease is another's, or the history moved back.
    Fenced,
    /// One projector failed.
    Failed { index: usize, error: ProjectionError },
    /// The database failed.
    Unavailable(sqlx::Error),
}

impl From<sqlx::Error> for StepError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl Step {
    /// Hands the events to all members. The first failure undoes the step for all of them.
    pub(super) async fn run(self, pool: &PgPool) -> Result<(), StepError> {
        transaction(pool, move |tx| {
            Box::pin(async move {
                let parked = self.move_checkpoints(tx).await?;
                for ((index, projector), has_parked) in self.members.iter().zip(parked) {
                    let projector = projector.as_ref();
                    let waiting = self.waiting(tx, projector, has_parked).await?;
                    let (behind, wanted) = self.wanted(projector, &waiting);
                    parked::count_behind(tx, self.tenant, projector, &behind).await?;
                    if !wanted.is_empty() {
                        projector
                            .project(tx, self.tenant, &wanted)
                            .await
                            .map_err(|error| StepError::Failed { index: *index, error })?;
                    }
                }
                Ok(())
            })
        })
        .await
    }

    /// Hands the events to the only member one by one. An event that fails parks its stream, and
    /// the others go on. Answers how many streams were parked.
    pub(super) async fn run_parking(self, pool: &PgPool, skips: Skips) -> Result<usize, StepError> {
        transaction(pool, move |tx| {
            Box::pin(async move {
                let parked = self.move_checkpoints(tx).await?;
                let mut newly_parked = 0;
                for ((index, projector), has_parked) in self.members.iter().zip(parked) {
                    let projector = projector.as_ref();
                    let mut waiting = self.waiting(tx, projector, has_parked).await?;
                    for event in self.events.iter().filter(|event| projector.wants(event)) {
                        if skips.contains(projector, event) {
                            continue;
                        }
                        if waiting.contains(&event.recorded.stream) {
                            let behind = [event.recorded.stream.clone()];
                            parked::count_behind(tx, self.tenant, projector, &behind).await?;
                            continue;
                        }
                        if let Err(error) = project_one(tx, self.tenant, projector, event).await? {
                            if error.reaction() != Reaction::Park {
                                return Err(StepError::Failed { index: *index, error });
                            }
                            parked::park(tx, projector, &event.recorded, &error).await?;
                            waiting.insert(event.recorded.stream.clone());
                            newly_parked += 1;
                        }
                    }
                }
                Ok(newly_parked)
            })
        })
        .await
    }

    /// Moves the checkpoints first: that locks them, so whoever else is at this tenant waits here.
    /// Answers which members have parked streams, in the members' order.
    async fn move_checkpoints(&self, tx: &mut PgConnection) -> Result<Vec<bool>, StepError> {
        let projectors = || self.members.iter().map(|(_, projector)| projector);
        let names: Vec<&str> = projectors().map(|projector| projector.name()).collect();
        let versions: Vec<i32> = projectors().map(|projector| projector.version()).collect();
        let moved: Vec<(String, i32, i32)> = sqlx::query_as(include_str!("move.sql"))
            .bind(self.tenant.uuid())
            .bind(&names)
            .bind(&versions)
            .bind(self.from.0.cast_signed())
            .bind(self.to.0.cast_signed())
            .bind(self.fence.map(|fence| fence.range_no))
            .bind(self.fence.map(|fence| fence.owner))
            .bind(self.fence.map(|fence| fence.epoch))
            .fetch_all(&mut *tx)
            .await?;
        if moved.len() != self.members.len() || !(self.is_current)() {
            return Err(StepError::Fenced);
        }
        let has_parked = |projector: &Arc<dyn Projector>| {
            moved.iter().any(|(name, version, parked)| {
                *parked > 0 && name == projector.name() && *version == projector.version()
            })
        };
        Ok(projectors().map(has_parked).collect())
    }

    /// The streams of the tenant that wait for someone to look at them.
    async fn waiting(
        &self,
        tx: &mut PgConnection,
        projector: &dyn Projector,
        has_parked: bool,
    ) -> Result<BTreeSet<StreamId>, sqlx::Error> {
        if !has_parked {
            return Ok(BTreeSet::new());
        }
        parked::streams(tx, self.tenant, projector).await
    }

    /// The streams of the events that must wait, one entry per event, and the events for the
    /// projector.
    fn wanted(
        &self,
        projector: &dyn Projector,
        waiting: &BTreeSet<StreamId>,
    ) -> (Vec<StreamId>, Vec<&Event>) {
        let (mut behind, mut wanted) = (Vec::new(), Vec::new());
        for event in self.events.iter().filter(|event| projector.wants(event)) {
            if waiting.contains(&event.recorded.stream) {
                behind.push(event.recorded.stream.clone());
            } else {
                wanted.push(event);
            }
        }
        (behind, wanted)
    }
}

/// Hands one event to a projector and takes back what it wrote if it fails.
pub(crate) async fn project_one(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
    event: &Event,
) -> Result<Result<(), ProjectionError>, sqlx::Error> {
    tx.execute("SAVEPOINT one_event").await?;
    let outcome = projector.project(tx, tenant, &[event]).await;
    let after = match &outcome {
        Ok(()) => "RELEASE SAVEPOINT one_event",
        Err(_) => "ROLLBACK TO SAVEPOINT one_event",
    };
    tx.execute(after).await?;
    Ok(outcome)
}
