//! The runner at work: takes leases, hears hints, polls heads, and drains before it stops.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::atomic::Ordering,
    time::Duration,
};

use daybook_domain::{
    event_log::{Head, Position},
    ids::TenantId,
    ports::EventLog,
};
use futures::{StreamExt as _, stream::BoxStream};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{Runner, RunnerError, Shared, lease::Leases, tenant::Standing};

/// Batches of one tenant before another one gets its turn.
const BATCHES_PER_TURN: usize = 8;
/// After so many polls all heads are looked at, and not only those that have moved.
const LOOK_AT_ALL: u32 = 60;
/// An append may be seen so long after the time that it bears.
const MARGIN: Duration = Duration::from_secs(10);
/// Heads that are looked at in one go.
const PAGE: usize = 1000;

/// News from the log. It may come late, twice or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// A tenant's history reaches at least to this position.
    Grew(TenantId, Position),
    /// News were lost: any tenant may have grown.
    Missed,
}

/// Where news come from. When it ends, the poll is left.
pub type Wakeups = BoxStream<'static, Wakeup>;

/// A runner at work. It works until it is stopped; dropping the handle kills it, which loses
/// nothing.
#[derive(Debug)]
pub struct RunnerHandle {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl RunnerHandle {
    /// Lets what is begun come to its end, and gives the leases back.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the projection runner ended badly");
        }
    }
}

impl Drop for RunnerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<L: EventLog> Runner<L> {
    /// Sets to work in the background.
    pub fn start(&self, wakeups: Wakeups) -> RunnerHandle {
        let (stop, stopped) = watch::channel(false);
        let worker = Worker {
            runner: self.clone(),
            leases: Leases::new(self.shared.id, self.shared.ranges.clone()),
            waiting: BTreeSet::new(),
            later: BTreeSet::new(),
            busy: BTreeMap::new(),
            gathering: VecDeque::new(),
            turns: JoinSet::new(),
            heads: Heads::default(),
        };
        RunnerHandle { stop, task: tokio::spawn(worker.work(wakeups, stopped)) }
    }
}

struct Worker<L> {
    runner: Runner<L>,
    leases: Leases,
    /// Tenants with something to do.
    waiting: BTreeSet<TenantId>,
    /// Tenants whose last turn failed: they wait for the next poll.
    later: BTreeSet<TenantId>,
    /// Tenants that have their turn or gather, and whether they grew meanwhile.
    busy: BTreeMap<TenantId, bool>,
    /// Tenants that had their turn a moment ago, and until when they gather what comes next: a
    /// lone event is seen to at once, a stream of them in batches.
    gathering: VecDeque<(Instant, TenantId)>,
    turns: JoinSet<(TenantId, Result<Standing, RunnerError>)>,
    heads: Heads,
}

/// What is known of the heads of the log.
#[derive(Default)]
struct Heads {
    /// Tenants whose read models have all come so far: nothing has to be asked as long as the head stands
    /// there.
    followed: HashMap<TenantId, Position>,
    /// When they were looked at last, and when all of them were.
    looked: Option<Instant>,
    looked_at_all: Option<Instant>,
}

impl Heads {
    fn is_followed(&self, head: &Head) -> bool {
        self.followed.get(&head.tenant).is_some_and(|position| head.position <= *position)
    }
}

impl<L: EventLog> Worker<L> {
    async fn work(mut self, mut wakeups: Wakeups, mut stopped: watch::Receiver<bool>) {
        let config = self.shared().config;
        let mut lease_tick = interval(config.lease / 3);
        lease_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut poll_tick = interval(config.poll);
        poll_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deaf = false;
        loop {
            let gathered = self.gathering.front().map(|(until, _)| *until);
            tokio::select! {
                biased;
                _ = stopped.changed() => break,
                _ = lease_tick.tick() => self.renew().await,
                Some(turn) = self.turns.join_next() => self.end_turn(turn),
                () = sleep_until(gathered.unwrap_or_else(Instant::now)), if gathered.is_some() => {
                    self.end_gathering();
                }
                wakeup = wakeups.next(), if !deaf => match wakeup {
                    Some(Wakeup::Grew(tenant, _)) => self.wake(tenant),
                    Some(Wakeup::Missed) => self.look_at_all().await,
                    None => deaf = true,
                },
                _ = poll_tick.tick() => self.poll().await,
            }
            self.begin_turns();
        }
        while let Some(turn) = self.turns.join_next().await {
            self.end_turn(turn);
        }
        self.shared().is_only.store(false, Ordering::Relaxed);
        let pool = self.shared().pool.clone();
        if let Err(error) = self.leases.release(&pool).await {
            tracing::warn!(%error, "the leases were not given back and run out by themselves");
        }
    }

    fn shared(&self) -> &Shared<L> {
        &self.runner.shared
    }

    async fn renew(&mut self) {
        let shared = std::sync::Arc::clone(&self.runner.shared);
        let renewed = self.leases.renew(&shared.pool, &shared.config).await;
        let is_only = renewed.is_ok() && self.leases.runners() == 1;
        shared.is_only.store(is_only, Ordering::Relaxed);
        match renewed {
            // What nobody looked after for a while has grown, without a hint to us.
            Ok(true) => {
                tracing::debug!(ranges = self.leases.len(), "took leases");
                self.look_at_all().await;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the leases could not be renewed"),
        }
    }

    /// Looks at the heads that have moved since the last look: what is behind gets its turn. Once in a
    /// while all of them are looked at, in case something was lost.
    async fn poll(&mut self) {
        self.waiting.append(&mut self.later);
        let is_young = |at: Option<Instant>, age| at.is_some_and(|at| at.elapsed() < age);
        let Some(looked) = self.heads.looked else { return self.look_at_all().await };
        if !is_young(self.heads.looked_at_all, self.shared().config.poll * LOOK_AT_ALL) {
            return self.look_at_all().await;
        }
        let shared = std::sync::Arc::clone(&self.runner.shared);
        let now = Instant::now();
        let (ranges, within) = (shared.ranges.get(), looked.elapsed() + MARGIN);
        match shared.log.moved_heads(&ranges, within).await {
            Ok(heads) => {
                if self.look_at(heads).await {
                    self.heads.looked = Some(now);
                }
            }
            Err(error) => self.failed(&error, "the heads of the log could not be polled"),
        }
    }

    /// Looks at every head that is ours.
    async fn look_at_all(&mut self) {
        self.waiting.append(&mut self.later);
        let shared = std::sync::Arc::clone(&self.runner.shared);
        let now = Instant::now();
        let mut after = None;
        // Whatever is believed may have been taken back.
        self.heads.followed = HashMap::new();
        loop {
            match shared.log.heads(after, PAGE).await {
                Ok(heads) => {
                    let Some(last) = heads.last() else { break };
                    after = Some(last.tenant);
                    if !self.look_at(heads).await {
                        return;
                    }
                }
                Err(error) => {
                    return self.failed(&error, "the heads of the log could not be polled");
                }
            }
        }
        (self.heads.looked, self.heads.looked_at_all) = (Some(now), Some(now));
        shared.shrink();
    }

    /// Gives their turn to those of some tenants that are ours and behind; false if that is unknown.
    async fn look_at(&mut self, mut heads: Vec<Head>) -> bool {
        let shared = std::sync::Arc::clone(&self.runner.shared);
        heads.retain(|it| self.leases.fence(it.tenant).is_some() && !self.heads.is_followed(it));
        for heads in heads.chunks(PAGE) {
            let behind = match shared.checkpoints.behind(heads, &shared.projectors).await {
                Ok(behind) => behind,
                Err(error) => {
                    self.failed(&error, "the checkpoints could not be polled");
                    return false;
                }
            };
            let behind: HashSet<TenantId> = behind.into_iter().collect();
            for head in heads {
                if behind.contains(&head.tenant) {
                    shared.forget(head.tenant);
                    self.wake(head.tenant);
                } else {
                    self.heads.followed.insert(head.tenant, head.position);
                }
            }
        }
        true
    }

    /// Whoever could not look knows nothing any more: a crash of the database may have taken the last of
    /// the checkpoints along.
    fn failed(&mut self, error: &(dyn std::error::Error + 'static), what: &str) {
        tracing::warn!(%error, "{what}");
        self.runner.shared.checkpoints.forget(None);
        self.heads = Heads::default();
    }

    fn wake(&mut self, tenant: TenantId) {
        match self.busy.get_mut(&tenant) {
            Some(grew) => *grew = true,
            None => {
                self.waiting.insert(tenant);
            }
        }
    }

    /// Ends the gathering whose time is over.
    fn end_gathering(&mut self) {
        let now = Instant::now();
        while let Some((_, tenant)) = self.gathering.pop_front_if(|(until, _)| *until <= now) {
            if self.busy.remove(&tenant) == Some(true) {
                self.waiting.insert(tenant);
            }
        }
    }

    fn begin_turns(&mut self) {
        while self.turns.len() < self.shared().config.concurrency {
            let Some(tenant) = self.waiting.pop_first() else { return };
            // Not ours, or no more: its owner looks after it.
            let Some(fence) = self.leases.fence(tenant) else { continue };
            self.busy.insert(tenant, false);
            let runner = self.runner.clone();
            self.turns.spawn(async move {
                let turn = runner.shared.advance_tenant(tenant, Some(fence), BATCHES_PER_TURN);
                (tenant, turn.await)
            });
        }
    }

    fn end_turn(
        &mut self,
        turn: Result<(TenantId, Result<Standing, RunnerError>), tokio::task::JoinError>,
    ) {
        let (tenant, outcome) = match turn {
            Ok(turn) => turn,
            Err(error) => {
                tracing::error!(%error, "a projection turn panicked");
                // It is not known whose turn it was: those that are busy are looked at again.
                self.later.extend(std::mem::take(&mut self.busy).into_keys());
                self.gathering.clear();
                return;
            }
        };
        match outcome {
            Ok(Standing::At(position)) => {
                self.heads.followed.insert(tenant, position);
                self.busy.entry(tenant).or_insert(true);
                self.gathering.push_back((Instant::now() + self.shared().config.gather, tenant));
                return;
            }
            Ok(Standing::Behind) => {
                self.waiting.insert(tenant);
            }
            Ok(Standing::Fenced | Standing::Resting | Standing::Halted(..)) => {
                self.later.insert(tenant);
            }
            Err(error) => {
                tracing::warn!(%tenant, error = &error as &dyn std::error::Error, "projecting failed, will try again");
                self.heads.followed.remove(&tenant);
                self.later.insert(tenant);
            }
        }
        self.busy.remove(&tenant);
    }
}
