//! Queues in front of hot streams: 32 bookings of one staff-day line up here instead of racing in
//! the log, where one would win and 31 would start again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use async_lock::{Mutex as AsyncMutex, MutexGuardArc};

use crate::{event_log::StreamId, ids::TenantId};

type Lane = AsyncMutex<()>;

/// One queue per stream that somebody waits for.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: Mutex<BTreeMap<(TenantId, StreamId), Weak<Lane>>>,
}

/// A place at the front of some queues; giving it back lets the next ones in.
#[derive(Default)]
pub(super) struct Turn {
    _guards: Vec<MutexGuardArc<()>>,
}

impl Lanes {
    /// Waits for all the queues. They are entered in stream order, so two commands never wait for
    /// each other.
    pub(super) async fn enter(&self, tenant: TenantId, streams: &[StreamId]) -> Turn {
        let mut streams = streams.to_vec();
        streams.sort_unstable();
        streams.dedup();
        let mut guards = Vec::with_capacity(streams.len());
        for stream in streams {
            let lane = self.lane(tenant, stream);
            guards.push(lane.lock_arc().await);
        }
        Turn { _guards: guards }
    }

    fn lane(&self, tenant: TenantId, stream: StreamId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if 4096 < lanes.len() {
            lanes.retain(|_, lane| 0 < lane.strong_count());
        }
        let slot = lanes.entry((tenant, stream)).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let lane = Arc::new(Lane::new(()));
            *slot = Arc::downgrade(&lane);
            lane
        })
    }
}
