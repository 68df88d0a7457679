//! Folded states by stream, bounded. Only a cache: the append proves what was read from it.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    event_log::{Revision, StreamId},
    ids::TenantId,
};

/// A state as of a revision.
#[derive(Clone)]
pub(super) struct Cached {
    pub(super) revision: Revision,
    pub(super) state: Arc<dyn Any + Send + Sync>,
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
            return Some(found.clone());
        }
        let found = guard.1.remove(&key)?;
        insert(&mut guard, self.generation_size, key, found.clone());
        Some(found)
    }

    /// Keeps a state, unless a newer one is there.
    pub(super) fn put(&self, tenant: TenantId, stream: StreamId, cached: Cached) {
        let mut guard = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant, stream);
        let newer = |held: &Cached| cached.revision < held.revision;
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
