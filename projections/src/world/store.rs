//! The worlds of a process: who is in memory, and how they catch up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog};
use sqlx::PgPool;
use tokio::{sync::Mutex as Turn, time::Instant};

use super::{
    View, WorldError, seed,
    state::{Beginning, TYPES, first_date},
};

/// How many worlds are kept, and how old they may be.
#[derive(Clone, Copy, Debug)]
pub struct WorldConfig {
    /// Bytes that worlds may take together, by their own estimate.
    pub memory: usize,
    /// How old the last look at the log may be for an answer that names no position.
    pub staleness: Duration,
    /// Events per read while catching up.
    pub batch: usize,
}

impl Default for WorldConfig {
    fn default() -> Self {
        let memory = 256 * 1024 * 1024;
        Self { memory, staleness: Duration::from_millis(50), batch: 2000 }
    }
}

/// A tenant in memory.
#[derive(Debug)]
pub struct World {
    view: RwLock<View>,
    /// Whoever catches up; when it was last known to stand at the head.
    turn: Turn<()>,
    looked: Mutex<Option<Instant>>,
    /// The memory that it took when it was last counted.
    bytes: AtomicUsize,
}

/// The worlds of a process. Cheap to clone; clones share them.
pub struct WorldStore<L> {
    log: Arc<L>,
    read_models: Option<PgPool>,
    worlds: Arc<Mutex<Worlds>>,
    config: WorldConfig,
}

#[derive(Debug, Default)]
struct Worlds {
    by_tenant: HashMap<TenantId, (u64, Arc<World>)>,
    /// Tenants by when they were asked last.
    in_order: BTreeMap<u64, TenantId>,
    asked: u64,
}

impl Worlds {
    fn remove(&mut self, tenant: TenantId) {
        if let Some((asked, _)) = self.by_tenant.remove(&tenant) {
            self.in_order.remove(&asked);
        }
    }
}

impl<L> Clone for WorldStore<L> {
    fn clone(&self) -> Self {
        let (log, worlds) = (Arc::clone(&self.log), Arc::clone(&self.worlds));
        let read_models = self.read_models.clone();
        Self { log, read_models, worlds, config: self.config }
    }
}

impl<L> std::fmt::Debug for WorldStore<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldStore").field("config", &self.config).finish_non_exhaustive()
    }
}

impl World {
    fn new(now: DateTime<Utc>) -> Self {
        Self::of(View::new(Beginning::default(), now))
    }

    pub(super) fn of(view: View) -> Self {
        let (view, looked) = (RwLock::new(view), Mutex::new(None));
        Self { view, turn: Turn::new(()), looked, bytes: AtomicUsize::new(0) }
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

    /// Whether an answer may rest on it as it is. Whoever waited for a look that began after it had
    /// come need not look again.
    fn will_do(&self, least: Option<Position>, staleness: Duration, came: Instant) -> bool {
        let looked = *self.looked();
        match least {
            Some(least) => least <= self.position() && looked.is_some(),
            None => looked.is_some_and(|looked| came <= looked || looked.elapsed() < staleness),
        }
    }

    fn count_bytes(&self) {
        self.bytes.store(self.read(View::bytes), Ordering::Relaxed);
    }
}

impl<L: EventLog> WorldStore<L> {
    /// No worlds yet, over a log that opens personal data or not: worlds hold none. Each is folded from
    /// the first event on.
    pub fn new(log: Arc<L>, config: WorldConfig) -> Self {
        Self { log, read_models: None, worlds: Arc::default(), config }
    }

    /// As [`WorldStore::new`], and each begins with the read models behind a pool, whose role sees those
    /// of the tenant that `app.tenant_id` names.
    pub fn over_read_models(log: Arc<L>, pool: PgPool, config: WorldConfig) -> Self {
        Self { read_models: Some(pool), ..Self::new(log, config) }
    }

    pub(super) fn log(&self) -> &L {
        &self.log
    }

    pub(super) fn read_models(&self) -> Option<&PgPool> {
        self.read_models.as_ref()
    }

    pub(super) fn config(&self) -> WorldConfig {
        self.config
    }

    /// The world of a tenant, at a position at least or, without one, as good as new. `now` decides
    /// which days are covered.
    pub async fn at_least(
        &self,
        tenant: TenantId,
        least: Option<Position>,
        now: DateTime<Utc>,
    ) -> Result<Arc<World>, WorldError> {
        let mut world = self.world(tenant, now);
        if world.read(|view| view.is_ahead(now) || view.is_outdated()) {
            self.forget(tenant);
            world = self.world(tenant, now);
        }
        self.catch_up(tenant, &world, least).await?;
        if world.read(|view| view.is_behind(now)) {
            world.change(|view| view.keep_up(now));
        }
        match least.filter(|least| world.position() < *least) {
            Some(_) => Err(WorldError::NotReached { reached: world.position() }),
            None => Ok(world),
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

    /// Drops the world of a tenant: whatever was known of its history may be untrue.
    pub fn forget(&self, tenant: TenantId) {
        self.worlds().remove(tenant);
    }

    async fn catch_up(
        &self,
        tenant: TenantId,
        world: &World,
        least: Option<Position>,
    ) -> Result<(), WorldError> {
        let came = Instant::now();
        if world.will_do(least, self.config.staleness, came) {
            return Ok(());
        }
        let _turn = world.turn.lock().await;
        // Whoever had the turn before may have done it.
        if world.will_do(least, self.config.staleness, came) {
            return Ok(());
        }
        if world.looked().is_none() && world.position() == Position(0) {
            self.begin(tenant, world).await?;
        }
        self.read_on(tenant, world).await
    }

    /// Begins with what is stored, if anything is.
    async fn begin(&self, tenant: TenantId, world: &World) -> Result<(), WorldError> {
        let dates = world.read(|view| view.grid().dates().clone());
        let Some(pool) = &self.read_models else { return Ok(()) };
        let stored = seed::load(pool, tenant, first_date(dates.start)).await?;
        let view = if let Some(mut stored) = stored {
            let parked = seed::take_parked(&*self.log, tenant, &mut stored).await?;
            let mut view = View::over(stored.beginning, dates);
            view.refold(&parked);
            view
        } else {
            let skipped = seed::skipped(&*self.log, tenant).await?;
            View::over(Beginning { skipped, ..Beginning::default() }, dates)
        };
        world.change(|it| *it = view);
        Ok(())
    }

    async fn read_on(&self, tenant: TenantId, world: &World) -> Result<(), WorldError> {
        let batch = self.config.batch;
        loop {
            let asked = Instant::now();
            let after = world.position();
            let events = self.log.read_tenant(tenant, after, batch).await?;
            let to = events.last().map_or(after, |event| event.position);
            if !events.is_empty() {
                world.change(|view| view.advance(&events, to));
            }
            if events.len() < batch {
                *world.looked() = Some(asked);
                world.count_bytes();
                return Ok(());
            }
            // There is a long way to go: only what matters is read.
            let head = self.log.head(tenant).await?.map_or(to, |head| head.position);
            let mut from = to;
            while from.0 + (batch as u64) < head.0 {
                let end = Position(from.0 + batch as u64 * 10).min(head);
                let events = self.log.scan(tenant, (from, end), &TYPES).await?;
                world.change(|view| view.advance(&events, end));
                from = end;
            }
        }
    }

    /// The world of a tenant, new and empty if it is not in memory. Those that were asked least recently
    /// make room.
    fn world(&self, tenant: TenantId, now: DateTime<Utc>) -> Arc<World> {
        let mut worlds = self.worlds();
        worlds.asked += 1;
        let asked = worlds.asked;
        if let Some((last, world)) = worlds.by_tenant.get_mut(&tenant) {
            let (last, world) = (std::mem::replace(last, asked), Arc::clone(world));
            worlds.in_order.remove(&last);
            worlds.in_order.insert(asked, tenant);
            return world;
        }
        let bytes = |it: &(u64, Arc<World>)| it.1.bytes.load(Ordering::Relaxed);
        let mut held: usize = worlds.by_tenant.values().map(bytes).sum();
        while self.config.memory < held
            && let Some((_, oldest)) = worlds.in_order.pop_first()
        {
            held -= worlds.by_tenant.remove(&oldest).as_ref().map_or(0, bytes);
        }
        let world = Arc::new(World::new(now));
        worlds.by_tenant.insert(tenant, (asked, Arc::clone(&world)));
        worlds.in_order.insert(asked, tenant);
        world
    }

    fn worlds(&self) -> MutexGuard<'_, Worlds> {
        self.worlds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
