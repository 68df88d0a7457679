//! The database of a command: the one that was named, or the private one; migrated either way.

use std::str::FromStr as _;

use anyhow::Context as _;
use daybook_adapters::{
    embedded_postgres::{EmbeddedConfig, EmbeddedError, EmbeddedPostgres, fetch_postgres},
    postgres::ensure_database,
};
use daybook_migrations::MIGRATOR;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::config::Config;

/// The name of the database in the private cluster.
const NAME: &str = "daybook";

/// A migrated database, and the server if it is our own.
pub(super) struct Database {
    pub(super) options: PgConnectOptions,
    server: Option<EmbeddedPostgres>,
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
            return Ok(Self { options, server: None });
        }
        Self::open(config, false).await
    }

    /// Opens it; `fetch` says whether a missing PostgreSQL may be fetched.
    pub(super) async fn open(config: &Config, fetch: bool) -> anyhow::Result<Self> {
        let opened = match config.database_url() {
            Some(url) => {
                let options = PgConnectOptions::from_str(url)
                    .map_err(|_may_hold_a_password| anyhow::anyhow!("DATABASE_URL is no URL"))?;
                Self { options, server: None }
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
        Ok(Self { options: options.database(NAME), server: Some(server) })
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

async fn migrate(connection: &mut PgConnection) -> anyhow::Result<()> {
    MIGRATOR.run(connection).await.context("the migrations failed")
}
