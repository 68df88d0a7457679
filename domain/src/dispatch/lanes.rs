//! Queues in front of hot streams: 32 bookings of one staff-day line up here instead of racing in
//! the log, where one would win and 31 would start again. First come, first served.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::channel::oneshot;

use crate::{event_log::StreamId, ids::TenantId};

/// One queue per stream that somebody waits for.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: Mutex<BTreeMap<(TenantId, StreamId), Weak<Lane>>>,
}

/// A place at the front of some queues; giving it back lets the next ones in.
#[derive(Default)]
pub(super) struct Turn {
    _places: Vec<Place>,
    has_waited: bool,
}

impl Turn {
    /// Whether somebody else was in front.
    pub(super) const fn has_waited(&self) -> bool {
        self.has_waited
    }
}

/// A queue. Whoever leaves hands the place itself to the next one, so nobody can slip in between.
#[derive(Default)]
struct Lane {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    is_taken: bool,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// The front of one queue.
struct Place(Option<Arc<Lane>>);

impl Lanes {
    /// Waits for all the queues. They are entered in stream order, so two commands never wait for
    /// each other.
    pub(super) async fn enter(&self, tenant: TenantId, streams: &[StreamId]) -> Turn {
        let mut streams = streams.to_vec();
        streams.sort_unstable();
        streams.dedup();
        let mut places = Vec::with_capacity(streams.len());
        let mut has_waited = false;
        for stream in streams {
            let lane = self.lane(tenant, stream);
            let (place, waited) = enter(lane).await;
            places.push(place);
            has_waited |= waited;
        }
        Turn { _places: places, has_waited }
    }

    fn lane(&self, tenant: TenantId, stream: StreamId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if 4096 < lanes.len() {
            lanes.retain(|_, lane| 0 < lane.strong_count());
        }
        let slot = lanes.entry((tenant, stream)).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let lane = Arc::new(Lane::default());
            *slot = Arc::downgrade(&lane);
            lane
        })
    }
}

/// The front of a queue, and whether somebody else had it.
async fn enter(lane: Arc<Lane>) -> (Place, bool) {
    let mut has_waited = false;
    loop {
        let turn = {
            let mut queue = lane.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if !queue.is_taken {
                queue.is_taken = true;
                return (Place(Some(Arc::clone(&lane))), has_waited);
            }
            let (hand_over, turn) = oneshot::channel();
            queue.waiting.push_back(hand_over);
            turn
        };
        has_waited = true;
        if let Ok(place) = turn.await {
            return (place, has_waited);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(lane) = self.0.take() else { return };
        loop {
            let next = {
                let mut queue = lane.queue.lock().unwrap_or_else(PoisonError::into_inner);
                let next = queue.waiting.pop_front();
                queue.is_taken = next.is_some();
                next
            };
            let Some(next) = next else { return };
            // Who has gone meanwhile gives the place back unused.
            match next.send(Self(Some(Arc::clone(&lane)))) {
                Ok(()) => return,
                Err(mut unused) => unused.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, poll};

    use super::*;
    use crate::testing::TENANT;

    fn streams(ids: &[&'static str]) -> Vec<StreamId> {
        ids.iter().map(|id| StreamId::new("day", *id)).collect()
    }

    #[tokio::test]
    async fn the_longest_waiting_is_next_and_who_has_gone_is_passed_over() {
        let lanes = Lanes::default();
        let (a, ab) = (streams(&["a"]), streams(&["b", "a"]));
        let first = lanes.enter(TENANT, &ab).await;
        let mut second = lanes.enter(TENANT, &a).boxed();
        let mut gone = lanes.enter(TENANT, &a).boxed();
        let mut third = lanes.enter(TENANT, &ab).boxed();
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut gone).is_pending());
        assert!(poll!(&mut third).is_pending());
        drop(first);
        drop(gone);
        assert!(poll!(&mut third).is_pending(), "it pushed in");
        let second = second.await;
        assert!(poll!(&mut third).is_pending(), "two are at the front");
        drop(second);
        drop(third.await);
        assert!(lanes.enter(TENANT, &ab).now_or_never().is_some(), "a place was lost");
    }

    #[tokio::test]
    async fn a_place_that_was_handed_to_somebody_who_never_looked_is_not_lost() {
        let lanes = Lanes::default();
        let a = streams(&["a"]);
        let first = lanes.enter(TENANT, &a).await;
        let mut second = lanes.enter(TENANT, &a).boxed();
        assert!(poll!(&mut second).is_pending());
        drop(first);
        drop(second);
        assert!(lanes.enter(TENANT, &a).now_or_never().is_some(), "a place was lost");
    }
}
