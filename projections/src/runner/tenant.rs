//! One tenant's way to its head: who stands where, and who goes next.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog};
use tokio::time::Instant;

use crate::{
    aside::{Skips, types_of},
    event::Event,
    projector::{ProjectionError, Projector, Reaction},
};

use super::{
    RunnerError, Shared,
    reader::{Read, Reader, Wish},
    step::{Fence, Step, StepError},
};

/// What this process remembers of a tenant between batches.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Where each projector stands, if it is its version that is live; `None` when that has to be read
    /// again.
    pub(super) positions: Option<Vec<Option<Position>>>,
    /// Of which generation of the log.
    generation: u64,
    /// Broken projectors, how often they were tried and when they are tried again.
    resting: BTreeMap<usize, (u32, Instant)>,
}

impl Lane {
    /// Remembers where the projectors stand. One of which another version is live may have taken its
    /// place by the next turn: that is looked up again.
    fn keep(&mut self, positions: Vec<Option<Position>>) {
        self.positions = positions.iter().all(Option::is_some).then_some(positions);
    }
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
        let generation = self.generation();
        if lane.generation != generation {
            lane.generation = generation;
            lane.positions = None;
        }
        let mut reader = Reader::new(Arc::clone(&self.log), tenant, self.config.batch);
        let mut halted = None;
        for _ in 0..batches {
            let mut positions = match lane.positions.take() {
                Some(positions) => positions,
                None => self.checkpoints.load(tenant, &self.projectors).await?,
            };
            // Whatever fails from here on, the positions are read again.
            let Some(group) = next_group(&positions, &lane.resting) else {
                let is_any_live = positions.iter().any(Option::is_some);
                lane.keep(positions);
                if !is_any_live {
                    let head = self.log.head(tenant).await?;
                    return Ok(Standing::At(head.map_or(Position(0), |head| head.position)));
                }
                return Ok(halted.map_or(Standing::Resting, halted_standing));
            };
            let Read { to, events, is_end } = reader.next(self.wish(&group)).await?;
            if to == group.from {
                lane.keep(positions);
                return Ok(halted.map_or(Standing::At(to), halted_standing));
            }
            let at_head = is_end && group.next.is_none();
            let events: Arc<[Event]> = events.into_iter().map(Event::new).collect();
            match self.advance_group(tenant, &group, to, events, (fence, generation)).await? {
                Advanced::Moved(moved) => {
                    for index in &moved {
                        if let Some(position) = positions.get_mut(*index) {
                            *position = Some(to);
                        }
                        lane.resting.remove(index);
                    }
                    let live = positions.iter().flatten().count();
                    lane.keep(positions);
                    if at_head && moved.len() == live {
                        return Ok(Standing::At(to));
                    }
                }
                Advanced::Halted(index, error) => {
                    lane.keep(positions);
                    halted = Some((self.rest(&mut lane, index, &error), error));
                }
                Advanced::Fenced => return Ok(Standing::Fenced),
            }
        }
        Ok(Standing::Behind)
    }

    /// Whether the log is still of a generation: events that were read in another one are no part of
    /// what the read models stand on.
    fn is_current(&self, generation: u64) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let log = Arc::clone(&self.log);
        Arc::new(move || log.generation() == generation)
    }

    fn wish(&self, group: &Group) -> Wish {
        let members = group.members.iter().filter_map(|index| self.projectors.get(*index));
        let types = types_of(members.map(Arc::as_ref));
        Wish { from: group.from, stop: group.next, types }
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
        (fence, generation): (Option<Fence>, u64),
    ) -> Result<Advanced, RunnerError> {
        let begun = Instant::now();
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
                is_current: self.is_current(generation),
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
        let named = || members.iter().map(|(_, it)| (it.name(), it.version()));
        self.checkpoints.committed(tenant, named(), to);
        self.tally.add(named(), to.0 - group.from.0, begun.elapsed());
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
}

/// The projectors that are furthest behind, without those that rest.
fn next_group(
    positions: &[Option<Position>],
    resting: &BTreeMap<usize, (u32, Instant)>,
) -> Option<Group> {
    let now = Instant::now();
    let rests = |index: usize| resting.get(&index).is_some_and(|(_, until)| now < *until);
    let live = positions.iter().enumerate().filter_map(|(index, it)| Some((index, (*it)?)));
    let awake: Vec<(usize, Position)> = live.filter(|(index, _)| !rests(*index)).collect();
    let from = awake.iter().map(|(_, position)| *position).min()?;
    let next = awake.iter().map(|(_, position)| *position).filter(|other| from < *other).min();
    let members = awake.iter().filter(|(_, at)| *at == from).map(|(index, _)| *index).collect();
    Some(Group { members, from, next })
}

fn unavailable(error: ProjectionError) -> RunnerError {
    match error {
        ProjectionError::Unavailable(error) => error.into(),
        other => sqlx::Error::Protocol(other.to_string()).into(),
    }
}
