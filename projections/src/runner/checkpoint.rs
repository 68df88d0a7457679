//! Where the projectors stand, and how to wait for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use daybook_domain::{
    event_log::{Head, Position},
    ids::TenantId,
};
use sqlx::PgPool;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::projector::Projector;

/// Where the projectors stand. Cheap to clone; clones of one process tell each other.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    pool: PgPool,
    local: Arc<Local>,
}

/// What this process has committed or seen itself.
#[derive(Debug)]
struct Local {
    reached: Mutex<HashMap<TenantId, Reached>>,
    moved: watch::Sender<()>,
}

/// Where the projectors stand with a tenant.
type Reached = Vec<(&'static str, i32, Position)>;

/// Why a projector was not there in time.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The time is over.
    #[error("the projection stands at {reached}")]
    NotReached {
        /// Where the projector stands.
        reached: Position,
    },
    /// The checkpoints cannot be read.
    #[error("the read models are unavailable")]
    Unavailable(#[from] sqlx::Error),
}

impl Checkpoints {
    /// The checkpoints behind a pool that may read `ops.checkpoints` of any tenant.
    pub fn new(pool: PgPool) -> Self {
        let local = Local { reached: Mutex::default(), moved: watch::Sender::new(()) };
        Self { pool, local: Arc::new(local) }
    }

    /// Where a projector stands with a tenant, whichever version of it is live.
    pub async fn position(
        &self,
        tenant: TenantId,
        projector: &dyn Projector,
    ) -> Result<Position, sqlx::Error> {
        let (name, version) = (projector.name(), projector.version());
        let position: Option<i64> = sqlx::query_scalar(include_str!("position.sql"))
            .bind(tenant.uuid())
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        let position = Position(position.unwrap_or_default().cast_unsigned());
        self.local.raise(tenant, name, version, position);
        Ok(position)
    }

    /// Waits until a projector has reached a position: how a query reads its own writes. Answers
    /// where the projector stands.
    ///
    /// The work of this process is heard of at once, that of others by looking: soon, then less
    /// often.
    pub async fn wait_for(
        &self,
        tenant: TenantId,
        projector: &dyn Projector,
        position: Position,
        timeout: Duration,
    ) -> Result<Position, WaitError> {
        let (name, version) = (projector.name(), projector.version());
        let deadline = Instant::now() + timeout;
        let mut moved = self.local.moved.subscribe();
        let mut pause = Duration::from_millis(5);
        loop {
            if let Some(reached) = self.local.reached(tenant, name, version, position) {
                return Ok(reached);
            }
            let reached = self.position(tenant, projector).await?;
            if position <= reached {
                return Ok(reached);
            }
            if deadline <= Instant::now() {
                return Err(WaitError::NotReached { reached });
            }
            let look_again = deadline.min(Instant::now() + pause);
            pause = Duration::from_millis(30).min(pause * 3);
            // Until it is time to look, only our own news matter, and they cost no query.
            while let Ok(Ok(())) = timeout_at(look_again, moved.changed()).await {
                if let Some(reached) = self.local.reached(tenant, name, version, position) {
                    return Ok(reached);
                }
            }
        }
    }

    /// Where each of the projectors stands; those that never saw the tenant start at 0, and those of
    /// which another version is live stand nowhere.
    pub(super) async fn load(
        &self,
        tenant: TenantId,
        projectors: &[Arc<dyn Projector>],
    ) -> Result<Vec<Option<Position>>, sqlx::Error> {
        let names: Vec<&str> = projectors.iter().map(|projector| projector.name()).collect();
        let versions: Vec<i32> = projectors.iter().map(|projector| projector.version()).collect();
        sqlx::query(include_str!("begin.sql"))
            .bind(tenant.uuid())
            .bind(&names)
            .bind(&versions)
            .execute(&self.pool)
            .await?;
        let positions: Vec<Option<i64>> = sqlx::query_scalar(include_str!("load.sql"))
            .bind(tenant.uuid())
            .bind(&names)
            .bind(&versions)
            .fetch_all(&self.pool)
            .await?;
        let position = |it: Option<i64>| it.map(|it| Position(it.cast_unsigned()));
        Ok(positions.into_iter().map(position).collect())
    }

    /// Which of the tenants have a longer history than some projector has seen.
    pub(super) async fn behind(
        &self,
        heads: &[Head],
        projectors: &[Arc<dyn Projector>],
    ) -> Result<Vec<TenantId>, sqlx::Error> {
        if heads.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = projectors.iter().map(|projector| projector.name()).collect();
        let versions: Vec<i32> = projectors.iter().map(|projector| projector.version()).collect();
        let tenants: Vec<uuid::Uuid> = heads.iter().map(|head| head.tenant.uuid()).collect();
        let positions: Vec<i64> = heads.iter().map(|head| head.position.0.cast_signed()).collect();
        let behind: Vec<uuid::Uuid> = sqlx::query_scalar(include_str!("behind.sql"))
            .bind(&tenants)
            .bind(&positions)
            .bind(&names)
            .bind(&versions)
            .fetch_all(&self.pool)
            .await?;
        Ok(behind.into_iter().map(TenantId::new).collect())
    }

    /// Forgets what was seen of a tenant, or of all: it is looked up again.
    pub(super) fn forget(&self, tenant: Option<TenantId>) {
        let mut reached = self.local.map();
        match tenant {
            Some(tenant) => drop(reached.remove(&tenant)),
            None => reached.clear(),
        }
    }

    /// Keeps what was seen of some tenants.
    pub(super) fn keep(&self, is_kept: impl Fn(TenantId) -> bool) {
        let mut reached = self.local.map();
        reached.retain(|tenant, _| is_kept(*tenant));
        reached.shrink_to_fit();
    }

    /// Something was committed by this process.
    pub(super) fn committed(
        &self,
        tenant: TenantId,
        projectors: impl Iterator<Item = (&'static str, i32)>,
        position: Position,
    ) {
        for (name, version) in projectors {
            self.local.raise(tenant, name, version, position);
        }
        self.local.moved.send_replace(());
    }
}

impl Local {
    fn map(&self) -> MutexGuard<'_, HashMap<TenantId, Reached>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, tenant: TenantId, name: &'static str, version: i32, position: Position) {
        let mut all = self.map();
        let reached = all.entry(tenant).or_default();
        match reached.iter_mut().find(|it| (it.0, it.1) == (name, version)) {
            Some((.., known)) => *known = position.max(*known),
            None => reached.push((name, version, position)),
        }
    }

    fn reached(
        &self,
        tenant: TenantId,
        name: &'static str,
        version: i32,
        position: Position,
    ) -> Option<Position> {
        let all = self.map();
        let found = all.get(&tenant)?.iter().find(|it| (it.0, it.1) == (name, version));
        found.map(|it| it.2).filter(|reached| position <= *reached)
    }
}
