//! The database of a command: the one that was named, or the private one; migrated either way.

use std::time::Duration;

use anyhow::Context as _;
use daybook_adapters::{
    embedded_postgres::{EmbeddedConfig, EmbeddedError, EmbeddedPostgres, fetch_postgres},
    postgres::{NoPrimary, PoolSizes, Servers, access, ensure_database},
};
use daybook_migrations::MIGRATOR;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::config::Config;

/// The name of the database in the private cluster.
const NAME: &str = "daybook";

/// How often a server that takes no writes yet is asked again.
const LOOK: Duration = Duration::from_secs(1);

/// A migrated database, and the server if it is our own.
pub(super) struct Database {
    pub(super) options: PgConnectOptions,
    /// Where it may be, if not only where it is.
    pub(super) servers: Option<Servers>,
    /// How large the pools of a server may be.
    pub(super) sizes: PoolSizes,
    server: Option<EmbeddedPostgres>,
}

/// What is done while no server of the database takes writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standbys {
    /// It is an error.
    Refuse,
    /// One of them will take over: it is waited for.
    Await,
}

impl Database {
    /// Opens it for a command of an operator: beside a server that runs in the data directory, else
    /// as [`Database::open`] does.
    pub(super) async fn open_beside(config: &Config) -> anyhow::Result<Self> {
        if config.database_url().is_none()
            && let Some(options) = EmbeddedPostgres::running(&config.data_dir()?)
            && let Ok(mut connection) = options.connect().await
        {
            migrate(&mut connection).await?;
            connection.close().await?;
            let options = options.disable_statement_logging();
            let sizes = PoolSizes::default();
            return Ok(Self { options, servers: None, sizes, server: None });
        }
        Self::open(config, false).await
    }

    /// Opens it; `fetch` says whether a missing PostgreSQL may be fetched.
    pub(super) async fn open(config: &Config, fetch: bool) -> anyhow::Result<Self> {
        Self::open_when(config, fetch, Standbys::Refuse).await
    }

    /// As [`Database::open`], for a program that may wait for the server that takes writes.
    pub(super) async fn open_when(
        config: &Config,
        fetch: bool,
        standbys: Standbys,
    ) -> anyhow::Result<Self> {
        let opened = match config.database_url() {
            Some(url) => {
                let servers = Servers::parse(url).context("DATABASE_URL")?;
                let options = primary(&servers, standbys).await?;
                let sizes = pool_sizes(&options, standbys).await?;
                let servers = (1 < servers.all().len()).then_some(servers);
                Self { options, servers, sizes, server: None }
            }
            None => Self::private(config, fetch).await?,
        };
        let mut connection =
            opened.options.connect().await.context("the database cannot be reached")?;
        migrate(&mut connection).await?;
        connection.close().await?;
        Ok(opened)
    }

    async fn private(config: &Config, fetch: bool) -> anyhow::Result<Self> {
        let data_dir = config.data_dir()?;
        let mut embedded = EmbeddedConfig::new(&data_dir);
        embedded.pg_bin.clone_from(&config.pg_bin);
        let server = match EmbeddedPostgres::start_async(embedded.clone()).await {
            Err(EmbeddedError::NoBinaries) if fetch => {
                tracing::warn!("no PostgreSQL is installed: fetching a build");
                embedded.pg_bin = Some(fetch_postgres(&data_dir).await?);
                EmbeddedPostgres::start_async(embedded).await?
            }
            started => started?,
        };
        let options = server.options().disable_statement_logging();
        ensure_database(&options, NAME).await?;
        let (options, sizes) = (options.database(NAME), PoolSizes::default());
        Ok(Self { options, servers: None, sizes, server: Some(server) })
    }

    /// Ends when our own server has crashed so often that it is not started again.
    pub(super) fn given_up(&self) -> impl Future<Output = ()> + Send + 'static {
        let given_up = self.server.as_ref().map(EmbeddedPostgres::given_up);
        async move {
            match given_up {
                Some(given_up) => given_up.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Stops the server if it is our own.
    pub(super) async fn close(self) {
        if let Some(server) = self.server {
            server.stop_async().await;
        }
    }
}

/// The server that takes writes.
#[expect(clippy::disallowed_methods, reason = "nothing tells that a standby was promoted")]
async fn primary(servers: &Servers, standbys: Standbys) -> anyhow::Result<PgConnectOptions> {
    let mut said = None;
    loop {
        match servers.primary().await {
            Ok(options) => return Ok(options),
            Err(waits @ NoPrimary::TakesNoWrites { .. }) if standbys == Standbys::Await => {
                let reason = waits.to_string();
                if said.as_ref() != Some(&reason) {
                    tracing::warn!(%reason, "waiting for a server that takes writes");
                    said = Some(reason);
                }
            }
            Err(error) => return Err(error).context("the database cannot be reached"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// As large as they should be, unless the database gives fewer connections. Refuses a pooler that gives
/// no sessions. A command that is no server has pools of the usual sizes, of which it opens little.
async fn pool_sizes(database: &PgConnectOptions, standbys: Standbys) -> anyhow::Result<PoolSizes> {
    let sizes = PoolSizes::default();
    let wanted = if standbys == Standbys::Await { sizes.total() } else { 1 };
    let found = access(database, wanted).await?;
    if wanted <= found.connections {
        return Ok(sizes);
    }
    let setting =
        if found.is_indirect { "default_pool_size of PgBouncer" } else { "max_connections" };
    tracing::warn!(
        available = found.connections,
        wanted,
        "the database gives fewer connections than this process uses under load, so its pools are \
         made smaller; raise {setting}"
    );
    Ok(PoolSizes::within(found.connections))
}

async fn migrate(connection: &mut PgConnection) -> anyhow::Result<()> {
    MIGRATOR.run(connection).await.context("the migrations failed")
}
