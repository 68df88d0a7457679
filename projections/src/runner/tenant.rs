//! One tenant's way to its head: who stands where, and who goes next.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
    ports::{EventLog, LogError},
};
use tokio::time::Instant;

use crate::{
    aside::Skips,
    event::Event,
    projector::{ProjectionError, Projector, Reaction},
};

use super::{
    RunnerError, Shared,
    step::{Fence, Step, StepError},
};

/// What this process remembers of a tenant between batches.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Where each projector stands; `None` when that has to be read again.
    pub(super) positions: Option<Vec<Position>>,
    /// Broken projectors, how often they were tried and when they are tried again.
    resting: BTreeMap<usize, (u32, Instant)>,
}

/// Where a tenant stands after some batches.
#[derive(Debug)]
pub(super) enum Standing {
    /// Everyone stands here, and there was nothing more to read.
    At(Position),
    /// There is more to do.
    Behind,
    /// Another runner works on the tenant.
    Fenced,
    /// All projectors are broken, and it is not yet time to try them again.
    Resting,
    /// One projector is broken; the others stand at the head.
    Halted(&'static str, ProjectionError),
}

impl<L: EventLog> Shared<L> {
    /// Brings a tenant's projectors towards its head, `batches` at most. Without a fence a resting
    /// projector is tried at once.
    pub(super) async fn advance_tenant(
        &self,
        tenant: TenantId,
        fence: Option<Fence>,
        batches: usize,
    ) -> Result<Standing, RunnerError> {
        let lane = self.lane(tenant);
        let mut lane = lane.lock().await;
        if fence.is_none() {
            lane.resting.clear();
        }
        let mut halted = None;
        for _ in 0..batches {
            let mut positions = match lane.positions.take() {
                Some(positions) => positions,
                None => self.checkpoints.load(tenant, &self.projectors).await?,
            };
            // Whatever fails from here on, the positions are read again.
            let Some(group) = next_group(&positions, &lane.resting) else {
                lane.positions = Some(positions);
                return Ok(halted.map_or(Standing::Resting, halted_standing));
            };
            let limit = group.limit(self.config.batch);
            let recorded = self.log.read_tenant(tenant, group.from, limit).await?;
            check_gapless(tenant, group.from, &recorded)?;
            let Some(to) = recorded.last().map(|event| event.position) else {
                let from = group.from;
                lane.positions = Some(positions);
                return Ok(halted.map_or(Standing::At(from), halted_standing));
            };
            let at_head = recorded.len() < limit && group.is_last;
            let events: Arc<[Event]> = recorded.into_iter().map(Event::new).collect();
            match self.advance_group(tenant, &group, to, events, fence).await? {
                Advanced::Moved(moved) => {
                    for index in &moved {
                        if let Some(position) = positions.get_mut(*index) {
                            *position = to;
                        }
                        lane.resting.remove(index);
                    }
                    lane.positions = Some(positions);
                    if at_head && moved.len() == self.projectors.len() {
                        return Ok(Standing::At(to));
                    }
                }
                Advanced::Halted(index, error) => {
                    lane.positions = Some(positions);
                    halted = Some((self.rest(&mut lane, index, &error), error));
                }
                Advanced::Fenced => return Ok(Standing::Fenced),
            }
        }
        Ok(Standing::Behind)
    }

    /// Puts a broken projector aside for a while: longer each time, a minute at most.
    fn rest(&self, lane: &mut Lane, index: usize, error: &ProjectionError) -> &'static str {
        let name = self.projectors.get(index).map_or("", |projector| projector.name());
        let (tries, until) = lane.resting.entry(index).or_insert((0, Instant::now()));
        *tries += 1;
        *until = Instant::now() + Duration::from_secs(1 << (*tries).min(6));
        tracing::error!(projector = name, %error, tries, "a projector is broken and waits");
        name
    }

    async fn advance_group(
        &self,
        tenant: TenantId,
        group: &Group,
        to: Position,
        events: Arc<[Event]>,
        fence: Option<Fence>,
    ) -> Result<Advanced, RunnerError> {
        let mut members: Vec<(usize, Arc<dyn Projector>)> = group
            .members
            .iter()
            .filter_map(|index| Some((*index, Arc::clone(self.projectors.get(*index)?))))
            .collect();
        loop {
            let step = Step {
                tenant,
                members: members.clone(),
                from: group.from,
                to,
                events: Arc::clone(&events),
                fence,
            };
            let failed = match step.clone().run(&self.pool).await {
                Ok(()) => break,
                Err(StepError::Fenced) => return Ok(Advanced::Fenced),
                Err(StepError::Unavailable(error)) => return Err(error.into()),
                Err(StepError::Failed { index, error }) => (index, error),
            };
            let (index, error) = failed;
            match error.reaction() {
                Reaction::Retry => return Err(unavailable(error)),
                // The others go on without it; it comes again, alone.
                _ if members.len() > 1 => members.retain(|(other, _)| *other != index),
                Reaction::Halt => return Ok(Advanced::Halted(index, error)),
                Reaction::Park => {
                    let skips = Skips::load(self.log.as_ref(), tenant).await?;
                    match step.run_parking(&self.pool, skips).await {
                        Ok(parked) => {
                            let projector = self.projectors.get(index).map(|p| p.name());
                            tracing::error!(%tenant, projector, parked, "streams were parked");
                        }
                        Err(StepError::Fenced) => return Ok(Advanced::Fenced),
                        Err(StepError::Unavailable(error)) => return Err(error.into()),
                        Err(StepError::Failed { index, error }) => {
                            if error.reaction() == Reaction::Retry {
                                return Err(unavailable(error));
                            }
                            return Ok(Advanced::Halted(index, error));
                        }
                    }
                    break;
                }
            }
        }
        let named = members.iter().map(|(_, projector)| (projector.name(), projector.version()));
        self.checkpoints.committed(tenant, named, to);
        Ok(Advanced::Moved(members.into_iter().map(|(index, _)| index).collect()))
    }
}

fn halted_standing((projector, error): (&'static str, ProjectionError)) -> Standing {
    Standing::Halted(projector, error)
}

/// What became of one batch.
enum Advanced {
    Moved(Vec<usize>),
    Halted(usize, ProjectionError),
    Fenced,
}

/// Projectors that stand at the same place and go on together.
struct Group {
    members: Vec<usize>,
    from: Position,
    /// Where the next projector stands: there the two become one group.
    next: Option<Position>,
    /// Whether nobody stands further on.
    is_last: bool,
}

impl Group {
    fn limit(&self, batch: usize) -> usize {
        let gap = self.next.map(|next| usize::try_from(next.0 - self.from.0).unwrap_or(batch));
        gap.map_or(batch, |gap| gap.min(batch))
    }
}

/// The projectors that are furthest behind, without those that rest.
fn next_group(positions: &[Position], resting: &BTreeMap<usize, (u32, Instant)>) -> Option<Group> {
    let now = Instant::now();
    let rests = |index: usize| resting.get(&index).is_some_and(|(_, until)| now < *until);
    let awake: Vec<(usize, Position)> =
        positions.iter().copied().enumerate().filter(|(index, _)| !rests(*index)).collect();
    let from = awake.iter().map(|(_, position)| *position).min()?;
    let next = awake.iter().map(|(_, position)| *position).filter(|other| from < *other).min();
    let members = awake.iter().filter(|(_, at)| *at == from).map(|(index, _)| *index).collect();
    Some(Group { members, from, next, is_last: next.is_none() })
}

/// A hole in a tenant's history would be silently skipped events: that stops everything.
fn check_gapless(
    tenant: TenantId,
    from: Position,
    events: &[RecordedEvent],
) -> Result<(), LogError> {
    let expected = (from.0 + 1)..;
    match events.iter().zip(expected).find(|(event, expected)| event.position.0 != *expected) {
        None => Ok(()),
        Some((event, expected)) => Err(LogError::Damaged(format!(
            "tenant {tenant} has position {} where {expected} should stand",
            event.position
        ))),
    }
}

fn unavailable(error: ProjectionError) -> RunnerError {
    match error {
        ProjectionError::Unavailable(error) => error.into(),
        other => sqlx::Error::Protocol(other.to_string()).into(),
    }
}
