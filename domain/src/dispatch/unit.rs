//! One attempt at a command: the states it loaded and the events it wants to record.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use crate::{
    aggregate::{Decide, DecodeError, Evolve, decode},
    event_log::{Revision, StreamId, StreamTail},
    ports::{EventLog, LogError},
};

use super::{CommandContext, cache::Cached, lanes::Turn, run::Shared};

/// Why a unit could not go on: the machinery broke. A rule's no is a refusal, not this.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// The log could not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A stream holds an event that cannot be read.
    #[error("stream {stream} cannot be read")]
    Undecodable {
        /// The stream.
        stream: StreamId,
        /// What is wrong with the event.
        #[source]
        source: DecodeError,
    },
    /// An event could not be written as JSON.
    #[error("an event of {stream} cannot be written as JSON")]
    Unwritable {
        /// The stream.
        stream: StreamId,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
}

/// An event that waits for the append.
pub(super) struct Pending {
    pub(super) event_type: &'static str,
    pub(super) event_version: String,
    pub(super) payload: String,
}

/// A stream in the unit's hands.
pub(super) struct Loaded {
    /// Where it stood when it was loaded, and its state there.
    pub(super) base: Cached,
    /// Its state with the unit's own events folded in.
    pub(super) state: Arc<dyn Any + Send + Sync>,
    /// Folds newer events into the base: the only memory of the stream's type.
    pub(super) advance: fn(&Cached, &StreamTail) -> Result<Cached, UnitError>,
    /// What the unit adds to it.
    pub(super) pending: Vec<Pending>,
    /// Whether the decision rests on it. A stream that was only looked at does not have to stand
    /// still.
    pub(super) relied_on: bool,
}

/// One attempt at a command.
pub struct Unit<'d, L> {
    shared: &'d Shared<L>,
    context: &'d CommandContext,
    pub(super) loaded: BTreeMap<StreamId, Loaded>,
    tails: BTreeMap<StreamId, StreamTail>,
    turn: Turn,
}

impl<L> std::fmt::Debug for Unit<'_, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit").field("streams", &self.loaded.len()).finish_non_exhaustive()
    }
}

impl<'d, L: EventLog> Unit<'d, L> {
    pub(super) fn new(shared: &'d Shared<L>, context: &'d CommandContext) -> Self {
        Self {
            shared,
            context,
            loaded: BTreeMap::new(),
            tails: BTreeMap::new(),
            turn: Turn::default(),
        }
    }

    /// Who asks, when, and where ids come from.
    pub const fn context(&self) -> &'d CommandContext {
        self.context
    }

    /// Lines up for streams that many commands write to, before loading them. All of them in one
    /// call: a second call gives the first places back.
    pub async fn queue_for(&mut self, streams: &[StreamId]) {
        self.turn = Turn::default();
        self.turn = self.shared.lanes.enter(self.context.tenant, streams).await;
    }

    /// Gives the places in the queues back.
    pub(super) fn leave_queues(&mut self) {
        self.turn = Turn::default();
    }

    /// Takes up an aggregate with an id of this unit's own making: nobody can have written to it,
    /// so nobody is asked. The append expects no stream all the same.
    pub fn begin<E: Evolve>(&mut self, id: impl std::fmt::Display) {
        let state: Arc<dyn Any + Send + Sync> = Arc::new(E::default());
        let base = Cached::confirmed(Revision(0), Arc::clone(&state));
        let advance = advance::<E>;
        let loaded = Loaded { base, state, advance, pending: Vec::new(), relied_on: false };
        self.loaded.entry(E::stream(id)).or_insert(loaded);
    }

    /// Waits until everything that the unit loaded is known to stand or to have fallen.
    pub(super) async fn is_confirmed(&self) -> bool {
        for loaded in self.loaded.values() {
            if let Some(unconfirmed) = &loaded.base.unconfirmed
                && !unconfirmed.outcome.wait().await
            {
                return false;
            }
        }
        true
    }

    /// As [`Unit::is_confirmed`], for what the decision rests on and the unit does not write to.
    pub(super) async fn is_ground_confirmed(&self) -> bool {
        for loaded in self.loaded.values() {
            if loaded.pending.is_empty()
                && loaded.relied_on
                && let Some(unconfirmed) = &loaded.base.unconfirmed
                && !unconfirmed.outcome.wait().await
            {
                return false;
            }
        }
        true
    }

    /// Brings the streams that are neither loaded nor cached, in one round trip.
    pub async fn prefetch(&mut self, streams: &[StreamId]) -> Result<(), UnitError> {
        let tenant = self.context.tenant;
        let mut wanted: Vec<(StreamId, Revision)> = Vec::new();
        for stream in streams {
            let here = self.loaded.contains_key(stream)
                || self.tails.contains_key(stream)
                || self.shared.cache.get(tenant, stream).is_some()
                || wanted.iter().any(|(other, _)| other == stream);
            if !here {
                wanted.push((stream.clone(), Revision(0)));
            }
        }
        if !wanted.is_empty() {
            for tail in self.shared.log.read_streams(tenant, &wanted).await? {
                self.tails.insert(tail.stream.clone(), tail);
            }
        }
        Ok(())
    }

    /// The state of an aggregate that the decision rests on: the append is refused if it moves on
    /// meanwhile. An aggregate without events is in its default state.
    pub async fn load<E: Evolve>(
        &mut self,
        id: impl std::fmt::Display + Send,
    ) -> Result<Arc<E>, UnitError> {
        self.load_stream(E::stream(id), true).await
    }

    /// As [`Unit::load`], for a state that the decision does not rest on.
    pub async fn peek<E: Evolve>(
        &mut self,
        id: impl std::fmt::Display + Send,
    ) -> Result<Arc<E>, UnitError> {
        self.load_stream(E::stream(id), false).await
    }

    /// As [`Unit::load`], with `None` for an aggregate of which an event cannot be read.
    pub async fn load_if_readable<E: Evolve>(
        &mut self,
        id: impl std::fmt::Display + Send,
    ) -> Result<Option<Arc<E>>, UnitError> {
        readable(self.load_stream(E::stream(id), true).await)
    }

    /// As [`Unit::peek`], with `None` for an aggregate of which an event cannot be read.
    pub async fn peek_if_readable<E: Evolve>(
        &mut self,
        id: impl std::fmt::Display + Send,
    ) -> Result<Option<Arc<E>>, UnitError> {
        readable(self.load_stream(E::stream(id), false).await)
    }

    async fn load_stream<E: Evolve>(
        &mut self,
        stream: StreamId,
        relied_on: bool,
    ) -> Result<Arc<E>, UnitError> {
        if !self.loaded.contains_key(&stream) {
            let cached = self.fetch::<E>(&stream).await?;
            let loaded = Loaded {
                state: Arc::clone(&cached.state),
                base: cached,
                advance: advance::<E>,
                pending: Vec::new(),
                relied_on: false,
            };
            self.loaded.insert(stream.clone(), loaded);
        }
        let Some(loaded) = self.loaded.get_mut(&stream) else {
            return Err(LogError::Damaged(format!("{stream} was not loaded")).into());
        };
        loaded.relied_on |= relied_on;
        downcast(&stream, &loaded.state)
    }

    async fn fetch<E: Evolve>(&mut self, stream: &StreamId) -> Result<Cached, UnitError> {
        let tenant = self.context.tenant;
        if !self.tails.contains_key(stream)
            && let Some(cached) = self.shared.cache.get(tenant, stream)
        {
            return Ok(cached);
        }
        self.prefetch(std::slice::from_ref(stream)).await?;
        let Some(tail) = self.tails.remove(stream) else {
            // Another command put it into the cache while this one asked for it.
            let cached = self.shared.cache.get(tenant, stream);
            return cached.ok_or_else(|| {
                LogError::Damaged(format!("{stream} was asked for and not answered")).into()
            });
        };
        let mut state = E::default();
        evolve_tail(&mut state, &tail)?;
        let cached = Cached::confirmed(tail.revision, Arc::new(state));
        self.shared.cache.put(tenant, stream.clone(), cached.clone());
        Ok(cached)
    }

    /// Where a loaded stream stands with the unit's own events: its version for `If-Match`. A
    /// stream that was not loaded is at 0.
    pub fn revision<E: Evolve>(&self, id: impl std::fmt::Display) -> Revision {
        self.loaded.get(&E::stream(id)).map_or(Revision(0), |loaded| {
            Revision(loaded.base.revision.0 + loaded.pending.len() as u64)
        })
    }

    /// Records events of one aggregate, to be appended with all the others of the unit. The state
    /// that [`Unit::load`] answers from now on has them folded in.
    pub async fn record<E: Evolve>(
        &mut self,
        id: impl std::fmt::Display + Send,
        events: Vec<E::Event>,
    ) -> Result<(), UnitError> {
        use crate::aggregate::EventKind as _;

        let stream = E::stream(id);
        let mut state = self.load_stream::<E>(stream.clone(), true).await?;
        let Some(loaded) = self.loaded.get_mut(&stream) else {
            return Err(LogError::Damaged(format!("{stream} was not loaded")).into());
        };
        // The unit's own reference goes, so that the state is copied once however many events.
        loaded.state = Arc::new(());
        let own = Arc::make_mut(&mut state);
        for event in events {
            own.evolve(&event);
            let payload = serde_json::to_string(&event)
                .map_err(|source| UnitError::Unwritable { stream: stream.clone(), source })?;
            loaded.pending.push(Pending {
                event_type: event.kind(),
                event_version: cqrs_es::DomainEvent::event_version(&event),
                payload,
            });
        }
        loaded.state = state;
        Ok(())
    }

    /// Lets one aggregate decide and records what it accepts. The inner result is the aggregate's
    /// own refusal.
    pub async fn decide<A: Decide>(
        &mut self,
        id: impl std::fmt::Display + Send + Clone,
        command: A::Command,
    ) -> Result<Result<(), A::Error>, UnitError> {
        let state = self.load::<A>(id.clone()).await?;
        match state.decide(command) {
            Ok(events) => {
                drop(state);
                self.record::<A>(id, events).await.map(Ok)
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

/// What one stream suffers from is not the others' fault.
fn readable<T>(loaded: Result<T, UnitError>) -> Result<Option<T>, UnitError> {
    match loaded {
        Ok(state) => Ok(Some(state)),
        Err(UnitError::Undecodable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn downcast<E: Evolve>(
    stream: &StreamId,
    state: &Arc<dyn Any + Send + Sync>,
) -> Result<Arc<E>, UnitError> {
    Arc::clone(state).downcast().map_err(|_other_type| {
        LogError::Damaged(format!("{stream} was loaded as another aggregate")).into()
    })
}

/// The state after the events of a tail that begins where the cached one ends.
fn advance<E: Evolve>(base: &Cached, tail: &StreamTail) -> Result<Cached, UnitError> {
    let mut state = E::clone(&*downcast::<E>(&tail.stream, &base.state)?);
    evolve_tail(&mut state, tail)?;
    Ok(Cached::confirmed(tail.revision, Arc::new(state)))
}

/// Folds the events of a tail into a state.
fn evolve_tail<E: Evolve>(state: &mut E, tail: &StreamTail) -> Result<(), UnitError> {
    for recorded in &tail.events {
        let event = decode::<E>(recorded)
            .map_err(|source| UnitError::Undecodable { stream: tail.stream.clone(), source })?;
        state.evolve(&event);
    }
    Ok(())
}
