//! The worlds of a process: who is in memory, and how they catch up.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog};
use tokio::{sync::Mutex as Turn, time::Instant};

use super::{View, WorldError};
use crate::aside::Until;

/// How many worlds are kept, and how old they may be.
#[derive(Clone, Copy, Debug)]
pub struct WorldConfig {
    /// Tenants in memory at the same time.
    pub tenants: usize,
    /// How old the last look at the log may be for an answer that names no position.
    pub staleness: Duration,
    /// Events per read while catching up.
    pub batch: usize,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self { tenants: 64, staleness: Duration::from_millis(50), batch: 2000 }
    }
}

/// A tenant in memory.
#[derive(Debug)]
pub struct World {
    view: RwLock<View>,
    /// Whoever catches up; when it was last known to stand at the head.
    turn: Turn<()>,
    looked: Mutex<Option<Instant>>,
}

/// The worlds of a process. Cheap to clone; clones share them.
pub struct WorldStore<L> {
    log: Arc<L>,
    worlds: Arc<Mutex<Worlds>>,
    config: WorldConfig,
}

#[derive(Debug, Default)]
struct Worlds {
    /// Of which generation of the log they are.
    generation: u64,
    by_tenant: BTreeMap<TenantId, (u64, Arc<World>)>,
    asked: u64,
}

impl<L> Clone for WorldStore<L> {
    fn clone(&self) -> Self {
        let (log, worlds) = (Arc::clone(&self.log), Arc::clone(&self.worlds));
        Self { log, worlds, config: self.config }
    }
}

impl<L> std::fmt::Debug for WorldStore<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldStore").field("config", &self.config).finish_non_exhaustive()
    }
}

impl World {
    fn new(now: DateTime<Utc>) -> Self {
        Self::of(View::new(now))
    }

    fn of(view: View) -> Self {
        Self { view: RwLock::new(view), turn: Turn::new(()), looked: Mutex::new(None) }
    }

    /// The position that it rests on now.
    pub fn position(&self) -> Position {
        self.read(View::position)
    }

    /// Looks at it. It does not change meanwhile, so keep it short.
    pub fn read<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn looked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an answer may rest on it as it is.
    fn will_do(&self, least: Option<Position>, staleness: Duration) -> bool {
        match least {
            Some(least) => least <= self.position() && self.looked().is_some(),
            None => self.looked().is_some_and(|looked| looked.elapsed() < staleness),
        }
    }
}

impl<L: EventLog> WorldStore<L> {
    /// No worlds yet, over a log that opens personal data or not: worlds hold none.
    pub fn new(log: Arc<L>, config: WorldConfig) -> Self {
        Self { log, worlds: Arc::default(), config }
    }

    /// The world of a tenant, at a position at least or, without one, as good as new. `now` decides
    /// which days are covered.
    pub async fn at_least(
        &self,
        tenant: TenantId,
        least: Option<Position>,
        now: DateTime<Utc>,
    ) -> Result<Arc<World>, WorldError> {
        loop {
            let generation = self.log.generation();
            let world = self.at_least_once(tenant, least, now).await;
            // A history that moved back meanwhile has other events where these were read.
            if self.log.generation() == generation {
                return world;
            }
        }
    }

    async fn at_least_once(
        &self,
        tenant: TenantId,
        least: Option<Position>,
        now: DateTime<Utc>,
    ) -> Result<Arc<World>, WorldError> {
        let mut world = self.world(tenant, now);
        if world.read(|view| view.is_ahead(now)) {
            self.worlds().by_tenant.remove(&tenant);
            world = self.world(tenant, now);
        }
        if !world.will_do(least, self.config.staleness) {
            self.catch_up(tenant, &world, least).await?;
        }
        if world.read(|view| view.is_behind(now)) {
            world.change(|view| view.keep_up(now));
        }
        match least.filter(|least| world.position() < *least) {
            Some(_) => Err(WorldError::NotReached { reached: world.position() }),
            None => Ok(world),
        }
    }

    /// The world of a tenant as it was, and the time that it was then: the instant that was asked for,
    /// or when the event at that position was decided. It is made for this question and not kept.
    pub async fn as_of(
        &self,
        tenant: TenantId,
        until: Until,
        now: DateTime<Utc>,
    ) -> Result<(Arc<World>, DateTime<Utc>), WorldError> {
        let then = match until {
            Until::Head | Until::Position(Position(0)) => now,
            Until::Instant(instant) => instant,
            Until::Position(position) => {
                let before = Position(position.0 - 1);
                let found = self.log.read_tenant(tenant, before, 1).await?;
                let decided = found.first().and_then(|event| Some(event.metadata().ok()?.at));
                let Some(decided) = decided else {
                    let head = self.log.head(tenant).await?;
                    let reached = head.map_or(Position(0), |head| head.position);
                    return Err(WorldError::NotReached { reached });
                };
                decided
            }
        };
        let mut view = View::new(then);
        loop {
            let mut events =
                self.log.read_tenant(tenant, view.position(), self.config.batch).await?;
            let is_full = events.len() == self.config.batch;
            let included = events.iter().take_while(|event| until.includes(event)).count();
            let is_over = included < events.len() || !is_full;
            events.truncate(included);
            view.advance(&events)?;
            if is_over {
                return Ok((Arc::new(World::of(view)), then));
            }
        }
    }

    /// Something was committed: a world that is in memory catches up before it is asked. For hints.
    pub async fn refresh(&self, tenant: TenantId, position: Position) -> Result<(), WorldError> {
        let known = self.worlds().by_tenant.get(&tenant).map(|(_, world)| Arc::clone(world));
        match known {
            Some(world) => self.catch_up(tenant, &world, Some(position)).await,
            None => Ok(()),
        }
    }

    async fn catch_up(
        &self,
        tenant: TenantId,
        world: &World,
        least: Option<Position>,
    ) -> Result<(), WorldError> {
        let _turn = world.turn.lock().await;
        // Whoever had the turn before may have done it.
        if world.will_do(least, self.config.staleness) {
            return Ok(());
        }
        loop {
            let asked = Instant::now();
            let after = world.position();
            let events = self.log.read_tenant(tenant, after, self.config.batch).await?;
            world.change(|view| view.advance(&events))?;
            if events.len() < self.config.batch {
                *world.looked() = Some(asked);
                return Ok(());
            }
        }
    }

    /// The world of a tenant, new and empty if it is not in memory. The one that was asked least
    /// recently makes room.
    fn world(&self, tenant: TenantId, now: DateTime<Utc>) -> Arc<World> {
        let mut worlds = self.worlds();
        worlds.asked += 1;
        let asked = worlds.asked;
        if let Some((last, world)) = worlds.by_tenant.get_mut(&tenant) {
            *last = asked;
            return Arc::clone(world);
        }
        if worlds.by_tenant.len() >= self.config.tenants.max(1) {
            let oldest = worlds.by_tenant.iter().min_by_key(|(_, (last, _))| *last);
            if let Some(oldest) = oldest.map(|(tenant, _)| *tenant) {
                worlds.by_tenant.remove(&oldest);
            }
        }
        let world = Arc::new(World::new(now));
        worlds.by_tenant.insert(tenant, (asked, Arc::clone(&world)));
        world
    }

    /// The worlds of this generation of the log; none is left of an earlier one.
    fn worlds(&self) -> MutexGuard<'_, Worlds> {
        let mut worlds = self.worlds.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.log.generation();
        if worlds.generation != generation {
            *worlds = Worlds { generation, ..Worlds::default() };
        }
        worlds
    }
}
