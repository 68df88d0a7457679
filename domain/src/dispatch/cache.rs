//! Folded states by stream, bounded. Only a cache: the append proves what was read from it.
//!
//! A state may rest on an append that is still under way, so that the next command of a hot stream
//! need not wait for the disk.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    event_log::{Revision, StreamId},
    ids::TenantId,
};

use super::outcome::Unconfirmed;

/// A state as of a revision.
#[derive(Clone)]
pub(super) struct Cached {
    pub(super) revision: Revision,
    pub(super) state: Arc<dyn Any + Send + Sync>,
    /// Set while the last events of the state are not known to stand.
    pub(super) unconfirmed: Option<Unconfirmed>,
}

impl Cached {
    /// A state that the log has confirmed.
    pub(super) fn confirmed(revision: Revision, state: Arc<dyn Any + Send + Sync>) -> Self {
        Self { revision, state, unconfirmed: None }
    }

    /// As it is now: without the mark if its append stands, nothing if it fell.
    fn now(mut self) -> Option<Self> {
        match self.unconfirmed.as_ref().and_then(|it| it.outcome.stands()) {
            Some(false) => return None,
            Some(true) => self.unconfirmed = None,
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

/// Two generations: what was used since the last turn, and what was used before it. A turn drops
/// the older one, so that the cache stays bounded without a list of uses.
pub(super) struct StateCache {
    generation_size: usize,
    generations: Mutex<(BTreeMap<Key, Cached>, BTreeMap<Key, Cached>)>,
}

impl StateCache {
    pub(super) fn new(generation_size: usize) -> Self {
        Self { generation_size, generations: Mutex::default() }
    }

    pub(super) fn get(&self, tenant: TenantId, stream: &StreamId) -> Option<Cached> {
        let mut guard = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant, stream.clone());
        if let Some(found) = guard.0.get(&key) {
            return found.clone().now();
        }
        let found = guard.1.remove(&key)?.now()?;
        insert(&mut guard, self.generation_size, key, found.clone());
        Some(found)
    }

    /// Forgets what rests on appends that are not known to stand.
    pub(super) fn revoke(&self, tenant: TenantId, streams: &[StreamId]) {
        let mut guard = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let (young, old) = &mut *guard;
        for stream in streams {
            let key = (tenant, stream.clone());
            for generation in [&mut *young, &mut *old] {
                if generation.get(&key).is_some_and(|held| !held.is_confirmed()) {
                    generation.remove(&key);
                }
            }
        }
    }

    /// Keeps a state, unless a newer one is there.
    pub(super) fn put(&self, tenant: TenantId, stream: StreamId, cached: Cached) {
        let mut guard = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant, stream);
        let newer = |held: &Cached| {
            cached.revision < held.revision
                && held.unconfirmed.as_ref().and_then(|it| it.outcome.stands()) != Some(false)
        };
        if guard.0.get(&key).is_some_and(newer) || guard.1.get(&key).is_some_and(newer) {
            return;
        }
        guard.1.remove(&key);
        insert(&mut guard, self.generation_size, key, cached);
    }

    /// Forgets everything of a tenant, or one stream of it.
    pub(super) fn forget(&self, tenant: TenantId, stream: Option<&StreamId>) {
        let mut guard = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = |key: &Key| key.0 != tenant || stream.is_some_and(|stream| key.1 != *stream);
        guard.0.retain(|key, _| stays(key));
        guard.1.retain(|key, _| stays(key));
    }
}

fn insert(
    generations: &mut (BTreeMap<Key, Cached>, BTreeMap<Key, Cached>),
    generation_size: usize,
    key: Key,
    cached: Cached,
) {
    if generation_size <= generations.0.len() {
        generations.1 = std::mem::take(&mut generations.0);
    }
    generations.0.insert(key, cached);
}
