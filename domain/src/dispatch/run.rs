//! The dispatcher: runs a command until its append is accepted or its refusal is proved.

use std::{future::Future, pin::pin, sync::Arc, task::Poll};

use futures::poll;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    event_log::{
        Append, Appended, CommandRecord, EventData, ExpectedRevision, Position, Revision, StreamId,
        StreamTail, StreamWrite,
    },
    ids::TenantId,
    ports::{AppendError, EventLog, LogError},
};

use super::{
    CommandContext, Unit, UnitError,
    cache::{Cached, StateCache},
    lanes::Lanes,
    outcome::{Outcome, Unconfirmed},
};

/// How often a decision is made again before the caller is told that the streams will not rest.
const ATTEMPTS: usize = 16;

/// How many states one of the two cache generations holds.
const CACHE_GENERATION: usize = 20_000;

/// A command over any number of streams.
pub trait UnitCommand: Send + Sync {
    /// What the caller is told. It is stored with the idempotency key.
    type Answer: Serialize + DeserializeOwned + Send;
    /// Why the command is refused.
    type Refusal: Send;

    /// Makes the decision once. It may be made again from the beginning, so everything it needs
    /// is in `self`, in the unit and in the unit's context.
    fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> impl Future<Output = Result<Result<Self::Answer, Self::Refusal>, UnitError>> + Send;
}

/// What became of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<A> {
    /// The answer.
    pub answer: A,
    /// The position that the answer rests on: the consistency token. `None` for a dry run.
    pub position: Option<Position>,
    /// Whether this is the stored answer to an earlier command with the same key.
    pub repeated: bool,
}

/// Why a command was not carried out. Nothing of it is in the log.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R> {
    /// A rule said no.
    #[error("the command is refused")]
    Refused(R),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The streams moved on at every attempt.
    #[error("the streams of the command kept moving")]
    Contended,
    /// The machinery broke.
    #[error(transparent)]
    Failed(#[from] UnitError),
}

impl<R> From<LogError> for CommandError<R> {
    fn from(error: LogError) -> Self {
        Self::Failed(error.into())
    }
}

/// What all units of a dispatcher share.
pub(super) struct Shared<L> {
    pub(super) log: L,
    pub(super) cache: StateCache,
    pub(super) lanes: Lanes,
}

/// Runs commands against a log. Cheap to clone; clones share the cache and the queues.
pub struct Dispatcher<L> {
    shared: Arc<Shared<L>>,
}

impl<L> Clone for Dispatcher<L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<L> std::fmt::Debug for Dispatcher<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}

impl<L: EventLog> Dispatcher<L> {
    /// A dispatcher over a log, with an empty cache.
    pub fn new(log: L) -> Self {
        let cache = StateCache::new(CACHE_GENERATION);
        Self { shared: Arc::new(Shared { log, cache, lanes: Lanes::default() }) }
    }

    /// The log underneath.
    pub fn log(&self) -> &L {
        &self.shared.log
    }

    /// Carries out a command, or says why not.
    pub async fn run<C: UnitCommand>(
        &self,
        context: &CommandContext,
        command: &C,
    ) -> Result<Done<C::Answer>, CommandError<C::Refusal>> {
        for attempt in 0..ATTEMPTS {
            let mut unit = Unit::new(&self.shared, context);
            let outcome = command.run(&mut unit).await?;
            let writes = unit.loaded.values().any(|loaded| !loaded.pending.is_empty());
            match outcome {
                Ok(answer) if writes && !context.dry_run => {
                    if unit.is_ground_confirmed().await
                        && let Some(done) = self.append(context, unit, answer).await?
                    {
                        return Ok(done);
                    }
                }
                // A refusal, a dry run and "nothing to do" rest on cached states that no append
                // proves: they hold once the tails show nothing newer.
                outcome => {
                    // Where it cannot be proved at once, the next attempt keeps its places.
                    if attempt == 0 {
                        unit.leave_queues();
                    }
                    if let Some(done) = self.earlier_answer(context).await? {
                        return Ok(done);
                    }
                    if unit.is_confirmed().await && self.is_fresh(context, &unit).await? {
                        let answer = outcome.map_err(CommandError::Refused)?;
                        let head = self.shared.log.head(context.tenant).await?;
                        let position = head.filter(|_| !context.dry_run).map(|head| head.position);
                        return Ok(Done { answer, position, repeated: false });
                    }
                }
            }
        }
        Err(CommandError::Contended)
    }

    /// Appends what the unit recorded; `None` when a stream moved on and the decision must be made
    /// again.
    async fn append<A: Serialize + DeserializeOwned, R>(
        &self,
        context: &CommandContext,
        mut unit: Unit<'_, L>,
        answer: A,
    ) -> Result<Option<Done<A>>, CommandError<R>> {
        let append = Self::build_append(context, &unit, &answer)?;
        let under_way = self.announce(&append, &unit);
        let mut appending = pin!(self.shared.log.append(append));
        // Once it has begun it is in the log's queue: the next command may decide on its events,
        // and its append comes behind this one.
        let begun = poll!(appending.as_mut());
        unit.leave_queues();
        let outcome = match begun {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => appending.await,
        };
        match outcome {
            Ok(Appended::New { position }) => {
                under_way.stands();
                Ok(Some(Done { answer, position: Some(position), repeated: false }))
            }
            Ok(Appended::Repeated { position, result }) => {
                parse_answer(position, &result).map(Some)
            }
            Err(AppendError::Conflict(tails)) => {
                // The answer carries the newer events: the next attempt needs no load.
                drop(under_way);
                self.catch_up(context, &unit, &tails)?;
                Ok(None)
            }
            Err(AppendError::KeyReused) => Err(CommandError::KeyReused),
            Err(AppendError::Log(error)) => Err(error.into()),
        }
    }

    /// Keeps the states that the append will leave behind, marked as unconfirmed.
    fn announce(&self, append: &Append, unit: &Unit<'_, L>) -> UnderWay<'_> {
        let outcome = Arc::new(Outcome::default());
        let mut streams = Vec::with_capacity(append.writes.len());
        for write in &append.writes {
            let (Some(loaded), Some(last)) = (unit.loaded.get(&write.stream), write.events.last())
            else {
                continue;
            };
            let revision = Revision(loaded.base.revision.0 + write.events.len() as u64);
            let unconfirmed =
                Some(Unconfirmed { event_id: last.event_id, outcome: Arc::clone(&outcome) });
            let cached = Cached { revision, state: Arc::clone(&loaded.state), unconfirmed };
            self.shared.cache.put(append.tenant, write.stream.clone(), cached);
            streams.push(write.stream.clone());
        }
        UnderWay { cache: &self.shared.cache, tenant: append.tenant, streams, outcome }
    }

    fn build_append<A: Serialize>(
        context: &CommandContext,
        unit: &Unit<'_, L>,
        answer: &A,
    ) -> Result<Append, UnitError> {
        let unwritable = |source| UnitError::Unwritable {
            stream: StreamId::new("answer", context.correlation_id.as_str()),
            source,
        };
        let metadata: Arc<str> =
            serde_json::to_string(&context.metadata()).map_err(unwritable)?.into();
        let command = match &context.key {
            None => None,
            Some(key) => Some(CommandRecord {
                key: key.key.clone(),
                request_hash: key.request_hash,
                result: serde_json::to_string(answer).map_err(unwritable)?,
            }),
        };
        let (mut writes, mut unchanged) = (Vec::new(), Vec::new());
        for (stream, loaded) in &unit.loaded {
            if loaded.pending.is_empty() {
                if loaded.relied_on {
                    unchanged.push((stream.clone(), loaded.base.revision));
                }
                continue;
            }
            let events = loaded.pending.iter().map(|pending| EventData {
                event_id: context.next_id(),
                event_type: pending.event_type.into(),
                event_version: pending.event_version.clone().into(),
                payload: pending.payload.clone(),
                metadata: Arc::clone(&metadata),
            });
            writes.push(StreamWrite {
                stream: stream.clone(),
                expected: expectation(&loaded.base),
                events: events.collect(),
            });
        }
        Ok(Append { tenant: context.tenant, command, writes, unchanged })
    }

    /// Brings the cached states of moved streams up to date.
    fn catch_up(
        &self,
        context: &CommandContext,
        unit: &Unit<'_, L>,
        tails: &[StreamTail],
    ) -> Result<(), UnitError> {
        for tail in tails {
            // What rests on events that fell is no base: it is read again.
            if let Some(loaded) = unit.loaded.get(&tail.stream)
                && loaded.base.is_confirmed()
            {
                match (loaded.advance)(&loaded.base, tail) {
                    Ok(cached) => {
                        self.shared.cache.put(context.tenant, tail.stream.clone(), cached);
                    }
                    // Whether the command can do without is decided where it is loaded.
                    Err(UnitError::Undecodable { .. }) => {
                        self.shared.cache.forget(context.tenant, Some(&tail.stream));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Whether everything that the unit loaded still stands where it stood. What moved on is
    /// brought up to date.
    ///
    /// What was under way when it was loaded and is confirmed by now needs no look: it was the head
    /// of its stream when it was committed, and that was while this command waited.
    async fn is_fresh(
        &self,
        context: &CommandContext,
        unit: &Unit<'_, L>,
    ) -> Result<bool, UnitError> {
        let loaded: Vec<_> = unit
            .loaded
            .iter()
            .filter(|(_, held)| held.base.unconfirmed.is_none())
            .map(|(id, held)| (id.clone(), held.base.revision))
            .collect();
        if loaded.is_empty() {
            return Ok(true);
        }
        let mut tails = self.shared.log.read_streams(context.tenant, &loaded).await?;
        tails.retain(|tail| !tail.events.is_empty());
        self.catch_up(context, unit, &tails)?;
        Ok(tails.is_empty())
    }

    async fn earlier_answer<A: DeserializeOwned, R>(
        &self,
        context: &CommandContext,
    ) -> Result<Option<Done<A>>, CommandError<R>> {
        let Some(key) = context.key.as_ref().filter(|_| !context.dry_run) else {
            return Ok(None);
        };
        match self.shared.log.answer(context.tenant, &key.key).await? {
            None => Ok(None),
            Some(stored) if stored.stands_for(&key.request_hash) => {
                parse_answer(stored.position, &stored.result).map(Some)
            }
            Some(_) => Err(CommandError::KeyReused),
        }
    }

    /// The state of one aggregate as the log has it now, with its revision.
    pub async fn state<E: crate::aggregate::Evolve>(
        &self,
        context: &CommandContext,
        id: impl std::fmt::Display + Send,
    ) -> Result<(Arc<E>, Revision), UnitError> {
        let stream = E::stream(id);
        loop {
            let mut unit = Unit::new(&self.shared, context);
            unit.prefetch(std::slice::from_ref(&stream)).await?;
            let state = unit.load::<E>(&stream.aggregate_id).await?;
            let revision = unit.loaded.get(&stream).map_or(Revision(0), |held| held.base.revision);
            if unit.is_confirmed().await && self.is_fresh(context, &unit).await? {
                return Ok((state, revision));
            }
        }
    }

    /// Forgets the cached states of a tenant, as after an erasure.
    pub fn forget(&self, tenant: TenantId) {
        self.shared.cache.forget(tenant, None);
    }
}

/// An append that is under way. Unless it is said to stand, it counts as fallen, and what rests on
/// it is forgotten.
struct UnderWay<'d> {
    cache: &'d StateCache,
    tenant: TenantId,
    streams: Vec<StreamId>,
    outcome: Arc<Outcome>,
}

impl UnderWay<'_> {
    fn stands(self) {
        self.outcome.settle(true);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.outcome.stands().is_none() {
            self.outcome.settle(false);
            self.cache.revoke(self.tenant, &self.streams);
        }
    }
}

fn expectation(base: &Cached) -> ExpectedRevision {
    match &base.unconfirmed {
        Some(unconfirmed) => ExpectedRevision::After(base.revision, unconfirmed.event_id),
        None if base.revision == Revision(0) => ExpectedRevision::NoStream,
        None => ExpectedRevision::Exactly(base.revision),
    }
}

fn parse_answer<A: DeserializeOwned, R>(
    position: Position,
    result: &str,
) -> Result<Done<A>, CommandError<R>> {
    let answer = serde_json::from_str(result).map_err(|error| {
        LogError::Damaged(format!(
            "a stored answer does not have the shape of its command: {error}"
        ))
    })?;
    Ok(Done { answer, position: Some(position), repeated: true })
}
