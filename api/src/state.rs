//! What the routes work with.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::{
    api_keys::ApiKeys,
    clock::{Clock, RandomIds},
    erasure::{Eraser, EraserParts},
    log::{Hint, HintRelay, Hints, PostgresLog},
    postgres::{PoolRole, connect_pool},
    receipts::Receipts,
    vault::{MasterKey, SealedLog, Vault},
    webhooks::{
        Chance, Dispatcher as Webhooks, DispatcherParts, Endpoints, SenderError, WebhookSender,
    },
};
use daybook_domain::{
    dispatch::Dispatcher,
    event_log::Position,
    ids::{IdSource, TenantId},
    ports::EventLog as _,
};
use daybook_projections::{
    aside::Renewal,
    projector::Projector,
    registry,
    runner::{Lag, Runner, RunnerConfig, RunnerError, WaitError, Wakeup, Wakeups},
    world::{WorldConfig, WorldStore},
};
use futures::{StreamExt as _, stream};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::{
    Mutex, Semaphore, SemaphorePermit,
    broadcast::{Receiver, error::RecvError},
    watch,
};

use crate::{
    http::{caller::KeyCache, limits::Limits, problem::Problem},
    v2::feed_item,
};

/// How long a caller who names a position is kept waiting for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a caller who names none is kept waiting for what was acknowledged before.
pub const A_MOMENT: Duration = Duration::from_millis(150);

/// How old the lag may be that health and metrics tell.
const LAG_AGE: TimeDelta = TimeDelta::seconds(1);

/// How many questions about another moment are answered at the same time.
const LOOKING_BACK: usize = 2;

/// The log that every command and every projection works on.
pub type Log = SealedLog<PostgresLog>;

/// What the routes work with; one per process.
pub struct AppState {
    /// Runs commands.
    pub dispatcher: Dispatcher<Log>,
    /// The worlds of busy tenants.
    pub worlds: WorldStore<PostgresLog>,
    /// Brings read models up to date.
    pub runner: Runner<Log>,
    rebuild: PgPool,
    moment: Duration,
    /// The vault.
    pub vault: Vault,
    /// Forgets people.
    pub eraser: Arc<Eraser<PostgresLog>>,
    /// The API keys.
    pub keys: ApiKeys<Log>,
    /// Keys that were good a moment ago.
    pub key_cache: KeyCache,
    /// The read models, one tenant at a time.
    pub read: PgPool,
    /// Where tenants want to be told of events.
    pub endpoints: Endpoints,
    /// Tells them.
    pub webhooks: Arc<Webhooks<Log>>,
    /// Whether webhooks may go to private addresses.
    pub allow_private_webhooks: bool,
    /// How much a key may ask.
    pub limits: Limits,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
    hints: Hints,
    /// How far the read models were behind, and when that was counted.
    lag: Mutex<Option<(DateTime<Utc>, Arc<[Lag]>)>>,
    /// What was asked about time, and answered.
    pub receipts: Receipts,
    closing: watch::Sender<bool>,
    /// Who may fold a history aside at the same time: it costs what the history is long.
    looking_back: Semaphore,
}

/// The state as the routes share it.
pub type App = Arc<AppState>;

/// What a process is started with.
pub struct Parts {
    /// The migrated database.
    pub database: PgConnectOptions,
    /// What wraps every key.
    pub master_key: MasterKey,
    /// What the limits are multiplied with; 0 switches them off.
    pub rate_limit_factor: u32,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether webhooks may go to private addresses, in plain HTTP too: for development.
    pub allow_private_webhooks: bool,
    /// What spreads the retries of webhooks.
    pub chance: Chance,
    /// How long a caller who names no position is kept waiting: [`A_MOMENT`].
    pub moment: Duration,
}

/// Why a process cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
    /// Webhooks cannot be sent.
    #[error("webhooks cannot be sent")]
    Webhooks(#[from] SenderError),
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppState(…)")
    }
}

/// The master key is not for the eye.
impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts(…)")
    }
}

impl AppState {
    /// Connects to a migrated database.
    pub async fn connect(parts: Parts) -> Result<App, StartError> {
        let Parts { database, master_key, rate_limit_factor, clock, .. } = parts;
        let append = connect_pool(database.clone(), PoolRole::Append, 16).await?;
        let read = connect_pool(database.clone(), PoolRole::App, 12).await?;
        let project = connect_pool(database.clone(), PoolRole::Projector, 6).await?;
        let rebuild = connect_pool(database.clone(), PoolRole::Projector, 2).await?;
        let vault = connect_pool(database.clone(), PoolRole::Vault, 4).await?;
        let send = connect_pool(database, PoolRole::Webhooks, 4).await?;
        let receipts = read.clone();
        let below = PostgresLog::new(append);
        let hints = below.hints().clone();
        let vault = Vault::postgres(vault, master_key);
        let log = SealedLog::new(below.clone(), vault.clone());
        let shared = Arc::new(log.clone());
        let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
        let (config, projectors) = (RunnerConfig::default(), registry::projectors());
        let dispatcher = Dispatcher::new(log.clone());
        let keys = ApiKeys::new(read.clone(), dispatcher.clone());
        let eraser = Eraser::new(EraserParts {
            dispatcher: dispatcher.clone(),
            read: read.clone(),
            project: project.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        });
        let runner = Runner::new(ids.next_id(), shared, project, projectors, config);
        // Worlds hold no personal data: nothing has to be opened for them.
        let (sealed, models) = (Arc::new(below.clone()), read.clone());
        let worlds = WorldStore::over_read_models(sealed, models, WorldConfig::default());
        let webhooks = Webhooks::new(DispatcherParts {
            pool: send,
            vault: vault.clone(),
            sealed: below,
            log: log.clone(),
            render: Arc::new(|event, personal| Ok(feed_item(event, personal))),
            sender: WebhookSender::new(parts.allow_private_webhooks)?,
            clock: clock.clone(),
            ids: ids.clone(),
            chance: parts.chance,
        });
        Ok(Arc::new(Self {
            endpoints: Endpoints::new(read.clone(), vault.clone()),
            webhooks: Arc::new(webhooks),
            allow_private_webhooks: parts.allow_private_webhooks,
            dispatcher,
            eraser: Arc::new(eraser),
            worlds,
            runner,
            rebuild,
            moment: parts.moment,
            vault,
            keys,
            key_cache: KeyCache::default(),
            read,
            limits: Limits::new(rate_limit_factor),
            clock,
            ids,
            hints,
            lag: Mutex::default(),
            receipts: Receipts::start(receipts),
            closing: watch::Sender::new(false),
            looking_back: Semaphore::new(LOOKING_BACK),
        }))
    }

    /// How far the read models are behind, counted at most once a second for all who ask.
    pub async fn lag(&self) -> Result<Arc<[Lag]>, RunnerError> {
        let mut counted = self.lag.lock().await;
        let now = self.clock.now();
        if let Some((at, lag)) = &*counted
            && *at <= now
            && now - *at < LAG_AGE
        {
            return Ok(Arc::clone(lag));
        }
        let lag: Arc<[Lag]> = self.runner.lag().await?.into();
        *counted = Some((now, Arc::clone(&lag)));
        Ok(lag)
    }

    /// Tells those who wait for news to come to an end.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Whether the program comes to its end.
    pub fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Ends when the program comes to its end.
    pub async fn closing(&self) {
        // The sender lives as long as this does.
        drop(self.closing.subscribe().wait_for(|closing| *closing).await);
    }

    /// News of what is appended.
    pub fn hints(&self) -> Receiver<Hint> {
        self.hints.subscribe()
    }

    /// A turn to answer as of another moment; it lasts as long as it is held.
    pub async fn look_back(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let turn = tokio::time::timeout(PATIENCE, self.looking_back.acquire()).await;
        let turn = turn.map_err(|_elapsed| Problem::of_status(StatusCode::GATEWAY_TIMEOUT))?;
        turn.map_err(|closed| Problem::unavailable(&closed))
    }

    /// Carries hints between this process and the others of the database, until it is dropped.
    pub async fn relay_hints(&self, database: PgConnectOptions) -> Result<HintRelay, sqlx::Error> {
        HintRelay::start(database, self.hints.clone(), self.ids.next_id()).await
    }

    /// Makes read models anew whose version is old.
    pub fn renewal(&self) -> Renewal<Log> {
        let log = Arc::new(self.dispatcher.log().clone());
        Renewal::new(self.rebuild.clone(), log, registry::projectors())
    }

    /// What wakes the runner: the commits of this process, and those of others while hints are
    /// relayed. Polling finds what got lost.
    pub fn wakeups(&self) -> Wakeups {
        let hints = stream::unfold(self.hints.subscribe(), async |mut hints| {
            let wakeup = match hints.recv().await {
                Ok(hint) => Wakeup::Grew(hint.tenant, hint.position),
                Err(RecvError::Lagged(_)) => Wakeup::Missed,
                Err(RecvError::Closed) => return None,
            };
            Some((wakeup, hints))
        });
        hints.boxed()
    }

    /// What an answer from memory must not be older than when the caller names no position: the last
    /// write that was acknowledged to anybody of the tenant.
    ///
    /// While this is the only process of the database, it knows of every write itself. Otherwise the
    /// log is asked.
    pub async fn last_write(&self, tenant: TenantId) -> Result<Option<Position>, Problem> {
        if self.runner.is_only() {
            return Ok(self.hints.last_commit(tenant));
        }
        Ok(self.dispatcher.log().head(tenant).await?.map(|head| head.position))
    }

    /// Waits, for a while, until a read model holds a position that the caller has seen.
    ///
    /// Who names none waits a moment for the head of the tenant's history, so that whatever was
    /// acknowledged before is seen as a rule; a read model that lags behind answers as it stands.
    pub async fn wait_for(
        &self,
        tenant: TenantId,
        projector: &dyn Projector,
        position: Option<u64>,
    ) -> Result<(), Problem> {
        let (least, patience) = match position {
            Some(position) => (Position(position), PATIENCE),
            None => match self.dispatcher.log().head(tenant).await? {
                Some(head) => (head.position, self.moment),
                None => return Ok(()),
            },
        };
        let checkpoints = self.runner.checkpoints();
        match checkpoints.wait_for(tenant, projector, least, patience).await {
            Ok(_reached) => Ok(()),
            Err(WaitError::NotReached { .. }) if position.is_none() => Ok(()),
            Err(WaitError::NotReached { reached }) => Err(Problem::not_reached(least.0, reached.0)),
            Err(error) => Err(Problem::unavailable(&error)),
        }
    }
}
