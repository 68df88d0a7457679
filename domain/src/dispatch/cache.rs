//! Folded states by stream, bounded. Only a cache: the append proves what was read from it.
//!
//! A state may rest on an append that is still under way, so that the next command of a hot stream
//! need not wait for the disk.
//!
//! Every state belongs to one generation of the history, see [`crate::ports::EventLog::generation`]:
//! once the history moved back, nothing is left of the states that were known before.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    event_log::{Position, Revision, StreamId},
    ids::TenantId,
};

use super::outcome::Unconfirmed;

/// A state as of a revision.
#[derive(Clone)]
pub(super) struct Cached {
    pub(super) revision: Revision,
    pub(super) state: Arc<dyn Any + Send + Sync>,
    /// Where the last event of the state stands, once that is known.
    position: Position,
    /// Set while the last events of the state are not known to stand.
    pub(super) unconfirmed: Option<Unconfirmed>,
}

impl Cached {
    /// A state that the log has confirmed.
    pub(super) fn confirmed(
        revision: Revision,
        position: Position,
        state: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        Self { revision, state, position, unconfirmed: None }
    }

    /// A state with events whose append is under way.
    pub(super) fn unconfirmed(
        revision: Revision,
        state: Arc<dyn Any + Send + Sync>,
        unconfirmed: Unconfirmed,
    ) -> Self {
        Self { revision, state, position: Position(0), unconfirmed: Some(unconfirmed) }
    }

    /// Where the last event of the state stands; 0 while its append is under way.
    pub(super) fn position(&self) -> Position {
        self.unconfirmed.as_ref().map_or(self.position, |it| it.outcome.position())
    }

    /// As it is now: without the mark if its append stands, nothing if it fell.
    fn now(mut self) -> Option<Self> {
        match self.unconfirmed.as_ref().and_then(|it| it.outcome.stands()) {
            Some(false) => return None,
            Some(true) => {
                self.position = self.position();
                self.unconfirmed = None;
            }
            None => {}
        }
        Some(self)
    }

    /// Whether everything in it is known to stand.
    pub(super) fn is_confirmed(&self) -> bool {
        self.unconfirmed.as_ref().is_none_or(|it| it.outcome.stands() == Some(true))
    }
}

type Key = (TenantId, StreamId);

/// What was used since the last turn, and what was used before it. A turn drops the older half, so
/// that the cache stays bounded without a list of uses.
#[derive(Default)]
struct Halves {
    /// Of which generation of the history the states are.
    generation: u64,
    young: BTreeMap<Key, Cached>,
    old: BTreeMap<Key, Cached>,
}

/// The states that are remembered.
pub(super) struct StateCache {
    half_size: usize,
    halves: Mutex<Halves>,
}

impl StateCache {
    pub(super) fn new(half_size: usize) -> Self {
        Self { half_size, halves: Mutex::default() }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A state of a generation of the history.
    pub(super) fn get(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        generation: u64,
    ) -> Option<Cached> {
        let mut halves = self.halves();
        if !halves.is_of(generation) {
            return None;
        }
        let key = (tenant, stream.clone());
        if let Some(found) = halves.young.get(&key) {
            return found.clone().now();
        }
        let found = halves.old.remove(&key)?.now()?;
        halves.insert(self.half_size, key, found.clone());
        Some(found)
    }

    /// Forgets what rests on appends that are not known to stand.
    pub(super) fn revoke(&self, tenant: TenantId, streams: &[StreamId]) {
        let halves = &mut *self.halves();
        for stream in streams {
            let key = (tenant, stream.clone());
            for half in [&mut halves.young, &mut halves.old] {
                if half.get(&key).is_some_and(|held| !held.is_confirmed()) {
                    half.remove(&key);
                }
            }
        }
    }

    /// Keeps a state of a generation of the history, unless a newer one is there.
    pub(super) fn put(&self, tenant: TenantId, stream: StreamId, cached: Cached, generation: u64) {
        let mut halves = self.halves();
        if !halves.is_of(generation) {
            return;
        }
        let key = (tenant, stream);
        let newer = |held: &Cached| {
            cached.revision < held.revision
                && held.unconfirmed.as_ref().and_then(|it| it.outcome.stands()) != Some(false)
        };
        if halves.young.get(&key).is_some_and(newer) || halves.old.get(&key).is_some_and(newer) {
            return;
        }
        halves.old.remove(&key);
        halves.insert(self.half_size, key, cached);
    }

    /// Forgets everything of a tenant.
    pub(super) fn forget(&self, tenant: TenantId) {
        let mut halves = self.halves();
        halves.young.retain(|key, _| key.0 != tenant);
        halves.old.retain(|key, _| key.0 != tenant);
    }
}

impl Halves {
    /// Whether a generation is that of the states that are held. A later one empties the cache; an
    /// earlier one, of a command that began before the history moved back, has no part in it.
    fn is_of(&mut self, generation: u64) -> bool {
        if self.generation < generation {
            *self = Self { generation, ..Self::default() };
        }
        self.generation == generation
    }

    fn insert(&mut self, half_size: usize, key: Key, cached: Cached) {
        if half_size <= self.young.len() {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, cached);
    }
}
