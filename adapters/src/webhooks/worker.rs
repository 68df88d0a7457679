//! The task that hands out and sends for as long as the program runs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use daybook_domain::ports::EventLog;
use daybook_projections::runner::LeasedRanges;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};
use uuid::Uuid;

use super::{
    WebhookError,
    dispatcher::{Dispatcher, EACH, MOST},
};
use crate::log::Hint;

/// How often is looked although no hint came: for what is due again, and for hints that got lost.
const LOOK: Duration = Duration::from_secs(1);
/// The least between two looks, however many hints come.
const PACE: Duration = Duration::from_millis(100);
/// How long those under way may take when the program ends. What is cut off is sent again.
const DRAIN: Duration = Duration::from_secs(5);
/// How many looks lie between two rounds of forgetting.
const FORGET_EVERY: u32 = 600;

/// A dispatcher at work. It stops when it is told to, or at the latest when it is dropped.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// How many attempts of an endpoint are under way.
type Busy = Arc<Mutex<HashMap<Uuid, usize>>>;

impl Worker {
    /// Starts to work, woken by hints and every second. It hands out to the tenants of some ranges; what
    /// is due anybody sends.
    pub fn start<L: EventLog>(
        dispatcher: Arc<Dispatcher<L>>,
        hints: Receiver<Hint>,
        ranges: LeasedRanges,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(work(dispatcher, hints, ranges, stopped)) }
    }

    /// Takes nothing more and waits for what is under way, for a while.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.task.await.is_err() {
            tracing::error!("the sender of webhooks broke off");
        }
    }
}

async fn work<L: EventLog>(
    dispatcher: Arc<Dispatcher<L>>,
    mut hints: Receiver<Hint>,
    ranges: LeasedRanges,
    mut stopped: watch::Receiver<bool>,
) {
    let busy = Busy::default();
    let mut under_way = JoinSet::new();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0_u32;
    while !*stopped.borrow() {
        pace.tick().await;
        looks = looks.wrapping_add(1);
        let is_more = dispatcher.hand_out_some(&ranges.get()).await.map(|(_, is_more)| is_more);
        let is_more = is_more.unwrap_or_else(|error| {
            tracing::warn!(%error, "webhooks could not be handed out");
            false
        });
        if let Err(error) = send(&dispatcher, &busy, &mut under_way).await {
            tracing::warn!(%error, "webhooks could not be taken");
        }
        if looks % FORGET_EVERY == 1 {
            under_way.spawn(forget(Arc::clone(&dispatcher)));
        }
        if is_more {
            continue;
        }
        let deadline = Instant::now() + LOOK;
        tokio::select! {
            _stopped_or_gone = stopped.changed() => break,
            _heard_or_time_to_look = timeout_at(deadline, heard(&mut hints)) => (),
            Some(_done) = under_way.join_next() => (),
        }
    }
    let drained = timeout_at(Instant::now() + DRAIN, async {
        while under_way.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::info!(left = under_way.len(), "webhooks under way are left for the next start");
        under_way.shutdown().await;
    }
}

/// Forgets beside what is sent: after a busy month there may be much of it.
async fn forget<L: EventLog>(dispatcher: Arc<Dispatcher<L>>) {
    if let Err(error) = dispatcher.forget().await {
        tracing::warn!(%error, "webhooks of long ago could not be forgotten");
    }
}

async fn heard(hints: &mut Receiver<Hint>) {
    if let Err(RecvError::Closed) = hints.recv().await {
        std::future::pending::<()>().await;
    }
}

/// Takes what is due and sends it, as much as there is room for.
async fn send<L: EventLog>(
    dispatcher: &Arc<Dispatcher<L>>,
    busy: &Busy,
    under_way: &mut JoinSet<()>,
) -> Result<(), WebhookError> {
    // Those that are done make room.
    while under_way.try_join_next().is_some() {}
    while under_way.len() < MOST {
        let full: Vec<_> = {
            let busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
            busy.iter().filter(|(_, count)| EACH <= **count).map(|(id, _)| *id).collect()
        };
        let taken = dispatcher.take(MOST - under_way.len(), &full).await?;
        if taken.is_empty() {
            break;
        }
        for due in taken {
            let (dispatcher, here) = (dispatcher.clone(), Here::new(busy, due.endpoint_id));
            under_way.spawn(async move {
                let _here = here;
                if let Err(error) = dispatcher.attempt(due).await {
                    tracing::warn!(%error, "a webhook could not be sent; it is tried again");
                }
            });
        }
    }
    Ok(())
}

/// An attempt that is under way, for as long as it lives.
struct Here {
    busy: Busy,
    endpoint_id: Uuid,
}

impl Here {
    fn new(busy: &Busy, endpoint_id: Uuid) -> Self {
        *busy.lock().unwrap_or_else(PoisonError::into_inner).entry(endpoint_id).or_default() += 1;
        Self { busy: busy.clone(), endpoint_id }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = busy.get_mut(&self.endpoint_id) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.endpoint_id);
            }
        }
    }
}
