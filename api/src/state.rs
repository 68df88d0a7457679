//! What the routes work with.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use daybook_adapters::{
    api_keys::ApiKeys,
    clock::{Clock, RandomIds},
    erasure::{Eraser, EraserParts},
    log::{Hint, HintRelay, Hints, PostgresLog},
    postgres::{Failover, PoolRole, PoolSizes, Servers, connect_pool},
    receipts::Receipts,
    vault::{MasterKey, SealedLog, Vault, VaultError},
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
    runner::{Runner, RunnerConfig, WaitError, Wakeup, Wakeups},
    world::{WorldConfig, WorldStore},
};
use futures::{StreamExt as _, stream};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    broadcast::{Receiver, error::RecvError},
    watch,
};

use crate::{
    health::LastVitals,
    http::{caller::KeyCache, limits::Limits, problem::Problem},
    v2::feed_item,
};

/// How long a caller who names a position is kept waiting for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a caller who names none is kept waiting for what was acknowledged before.
pub const A_MOMENT: Duration = Duration::from_millis(150);

/// How many questions about another moment are answered at the same time.
const LOOKING_BACK: usize = 2;

/// The pool of the queries, among the others.
pub(crate) const READ: &str = "queries";

/// The log that every command and every projection works on.
pub type Log = SealedLog<PostgresLog>;

/// What the routes work with; one per process.
pub struct AppState {
    /// Runs commands.
    pub dispatcher: Dispatcher<Log>,
    /// The worlds of busy tenants.
    pub worlds: WorldStore<Log>,
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
    /// What was asked about time, and answered.
    pub receipts: Receipts,
    closing: watch::Sender<bool>,
    /// Every pool, by what it is for.
    pub(crate) pools: Vec<(&'static str, PgPool)>,
    /// The log as it is stored.
    pub(crate) log: PostgresLog,
    pub(crate) last_vitals: LastVitals,
    /// Who may fold a history aside at the same time: it costs what the history is long.
    looking_back: Arc<Semaphore>,
}

/// The state as the routes share it.
pub type App = Arc<AppState>;

/// What a process is started with.
pub struct Parts {
    /// The migrated database.
    pub database: PgConnectOptions,
    /// How many connections its pools have.
    pub sizes: PoolSizes,
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
    /// The vault is not opened by the master key.
    #[error(transparent)]
    Vault(#[from] VaultError),
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

/// The pools of a process, each with the role of what it is for.
struct Pools {
    append: PgPool,
    read: PgPool,
    project: PgPool,
    rebuild: PgPool,
    vault: PgPool,
    send: PgPool,
}

impl Pools {
    async fn open(database: PgConnectOptions, sizes: PoolSizes) -> Result<Self, sqlx::Error> {
        let open = |role, size| connect_pool(database.clone(), role, size);
        Ok(Self {
            append: open(PoolRole::Append, sizes.append).await?,
            read: open(PoolRole::App, sizes.queries).await?,
            project: open(PoolRole::Projector, sizes.projections).await?,
            rebuild: open(PoolRole::Projector, sizes.rebuild).await?,
            vault: open(PoolRole::Vault, sizes.vault).await?,
            send: open(PoolRole::Webhooks, sizes.webhooks).await?,
        })
    }

    fn named(&self) -> Vec<(&'static str, PgPool)> {
        vec![
            ("append", self.append.clone()),
            (READ, self.read.clone()),
            ("projections", self.project.clone()),
            ("rebuild", self.rebuild.clone()),
            ("vault", self.vault.clone()),
            ("webhooks", self.send.clone()),
        ]
    }
}

impl AppState {
    /// Connects to a migrated database.
    pub async fn connect(parts: Parts) -> Result<App, StartError> {
        let Parts { database, sizes, master_key, rate_limit_factor, clock, .. } = parts;
        let opened = Pools::open(database, sizes).await?;
        let pools = opened.named();
        let Pools { append, read, project, rebuild, vault, send } = opened;
        let below = PostgresLog::new(append);
        let (hints, plain) = (below.hints().clone(), below.clone());
        let vault = Vault::open(vault, master_key).await?;
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
        let runner = Runner::new(ids.next_id(), shared.clone(), project, projectors, config);
        let webhooks = Webhooks::new(DispatcherParts {
            pool: send,
            vault: vault.clone(),
            sealed: below,
            log: log.clone(),
            render: Arc::new(feed_item),
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
            worlds: WorldStore::new(shared, WorldConfig::default()),
            runner,
            rebuild,
            moment: parts.moment,
            vault,
            keys,
            key_cache: KeyCache::default(),
            receipts: Receipts::start(read.clone()),
            read,
            limits: Limits::new(rate_limit_factor),
            clock,
            ids,
            hints,
            pools,
            log: plain,
            last_vitals: LastVitals::default(),
            closing: watch::Sender::new(false),
            looking_back: Arc::new(Semaphore::new(LOOKING_BACK)),
        }))
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

    /// A turn to answer as of another moment; it belongs to the work, which may outlive the
    /// request, and lasts as long as it is held.
    pub async fn look_back(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = Arc::clone(&self.looking_back).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await;
        let turn = turn.map_err(|_elapsed| Problem::of_status(StatusCode::GATEWAY_TIMEOUT))?;
        turn.map_err(|closed| Problem::unavailable(&closed))
    }

    /// Carries hints between this process and the others of the database, until it is dropped.
    pub async fn relay_hints(&self, database: PgConnectOptions) -> HintRelay {
        HintRelay::start(database, self.hints.clone(), self.ids.next_id()).await
    }

    /// Leads the pools to the server that takes writes.
    pub fn failover(&self, servers: Servers, current: PgConnectOptions) -> Failover {
        let pools = self.pools.iter().map(|(_, pool)| pool.clone()).collect();
        Failover::new(servers, current, pools)
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
