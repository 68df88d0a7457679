//! The dispatcher: runs a command until its append is accepted or its refusal is proved.

use std::{future::Future, pin::pin, sync::Arc, task::Poll};

use futures::poll;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    event_log::{
        Append, Appended, CommandRecord, EventData, ExpectedRevision, Position, Revision, StreamId,
        StreamWrite,
    },
    ids::TenantId,
    ports::{AppendError, EventLog, LogError},
};

use super::{
    CommandContext, Unit, UnitError,
    cache::{Cached, StateCache},
    lanes::{Lanes, Turn},
    outcome::{Outcome, Unconfirmed},
    proof::parse_answer,
};

/// How often a decision is made again before the caller is told that the streams will not rest.
const ATTEMPTS: usize = 16;

/// How many states one half of the cache holds.
const CACHE_HALF: usize = 20_000;

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
    Refused {
        /// Which, and why.
        refusal: R,
        /// The position that the refusal rests on.
        position: Position,
    },
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

/// What became of one attempt at a command.
enum Attempt<A> {
    /// It was accepted.
    Done(Done<A>),
    /// The decision must be made again; these streams moved on meanwhile, as far as is known.
    Moved(Vec<StreamId>),
}

/// What all units of a dispatcher share.
pub(super) struct Shared<L> {
    pub(super) log: L,
    pub(super) cache: StateCache,
    pub(super) lanes: Lanes,
    /// Where a repeated command waits for the one before it, by command key.
    keys: Lanes,
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
        let cache = StateCache::new(CACHE_HALF);
        let (lanes, keys) = (Lanes::default(), Lanes::default());
        Self { shared: Arc::new(Shared { log, cache, lanes, keys }) }
    }

    /// The log underneath.
    pub fn log(&self) -> &L {
        &self.shared.log
    }

    /// Carries out a command, or says why not. A repeated command, with the key of one that is under
    /// way, waits for that one and gets its answer.
    pub async fn run<C: UnitCommand>(
        &self,
        context: &CommandContext,
        command: &C,
    ) -> Result<Done<C::Answer>, CommandError<C::Refusal>> {
        let turn = self.turn_of_key(context).await;
        if turn.has_waited()
            && let Some(done) = self.earlier_answer(context).await?
        {
            return Ok(done);
        }
        let mut contended = Vec::new();
        for attempt in 0..ATTEMPTS {
            let unit = Unit::again(&self.shared, context, &contended).await;
            match self.attempt(context, command, unit, attempt).await? {
                Attempt::Done(done) => return Ok(done),
                Attempt::Moved(streams) => contended.extend(streams),
            }
        }
        match self.earlier_answer(context).await? {
            Some(done) => Ok(done),
            None => Err(CommandError::Contended),
        }
    }

    /// One after another for the commands of one key.
    async fn turn_of_key(&self, context: &CommandContext) -> Turn {
        match context.key.as_ref().filter(|_| !context.dry_run) {
            None => Turn::default(),
            Some(key) => {
                let key = StreamId::new("command", key.key.as_str());
                self.shared.keys.enter(context.tenant, &[key]).await
            }
        }
    }

    /// Makes the decision once, and what follows from it.
    async fn attempt<C: UnitCommand>(
        &self,
        context: &CommandContext,
        command: &C,
        mut unit: Unit<'_, L>,
        attempt: usize,
    ) -> Result<Attempt<C::Answer>, CommandError<C::Refusal>> {
        let outcome = match command.run(&mut unit).await {
            // Nothing of what was loaded is known any more: it is loaded and decided again.
            Err(UnitError::Log(LogError::MovedBack(_))) => return Ok(Attempt::Moved(Vec::new())),
            outcome => outcome?,
        };
        let writes = unit.loaded.values().any(|loaded| !loaded.pending.is_empty());
        match outcome {
            Ok(answer) if writes && !context.dry_run => {
                if unit.is_ground_confirmed().await {
                    return self.append(context, unit, answer).await;
                }
            }
            // A refusal, a dry run and "nothing to do" rest on cached states that no append
            // proves: they hold once the tails show nothing newer.
            outcome => {
                // Where it cannot be proved at once, the next attempt keeps its places.
                if attempt == 0 {
                    unit.leave_queues();
                }
                let is_confirmed = unit.is_confirmed().await;
                // Asked once everything is confirmed: what the decision rests on may be the events of
                // the very command that this one repeats.
                if let Some(done) = self.earlier_answer(context).await? {
                    return Ok(Attempt::Done(done));
                }
                if is_confirmed {
                    let position = match self.prove(context, &unit).await? {
                        Ok(position) => position,
                        Err(streams) => return Ok(Attempt::Moved(streams)),
                    };
                    let refused = |refusal| CommandError::Refused { refusal, position };
                    let answer = outcome.map_err(refused)?;
                    let position = Some(position).filter(|_| !context.dry_run);
                    return Ok(Attempt::Done(Done { answer, position, repeated: false }));
                }
            }
        }
        Ok(Attempt::Moved(Vec::new()))
    }

    /// Appends what the unit recorded, unless a stream moved on: then the decision must be made again.
    async fn append<A: Serialize + DeserializeOwned, R>(
        &self,
        context: &CommandContext,
        mut unit: Unit<'_, L>,
        answer: A,
    ) -> Result<Attempt<A>, CommandError<R>> {
        let append = Self::build_append(context, &unit, &answer)?;
        let under_way = self.announce(&append, &unit);
        let mut appending = pin!(self.shared.log.append_in(append, unit.generation()));
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
                under_way.stands(position);
                Ok(Attempt::Done(Done { answer, position: Some(position), repeated: false }))
            }
            Ok(Appended::Repeated { position, result }) => {
                parse_answer(position, &result).map(Attempt::Done)
            }
            Err(AppendError::Conflict(tails)) => {
                // The answer carries the newer events: the next attempt needs no load.
                drop(under_way);
                self.catch_up(context, &unit, &tails)?;
                Ok(Attempt::Moved(tails.into_iter().map(|tail| tail.stream).collect()))
            }
            Err(AppendError::Log(LogError::MovedBack(_))) => Ok(Attempt::Moved(Vec::new())),
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
                Unconfirmed { event_id: last.event_id, outcome: Arc::clone(&outcome) };
            let cached = Cached::unconfirmed(revision, Arc::clone(&loaded.state), unconfirmed);
            unit.keep(write.stream.clone(), cached);
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
            if unit.is_confirmed().await && self.prove(context, &unit).await?.is_ok() {
                return Ok((state, revision));
            }
        }
    }

    /// Forgets the cached states of a tenant, as after an erasure.
    pub fn forget(&self, tenant: TenantId) {
        self.shared.cache.forget(tenant);
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
    fn stands(self, position: Position) {
        self.outcome.settle(Some(position));
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.outcome.stands().is_none() {
            self.outcome.settle(None);
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
