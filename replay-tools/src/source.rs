//! Where a history is read: a database that is named, or the private one of a data directory,
//! whether its server runs or not.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use daybook_adapters::{
    embedded_postgres::{EmbeddedConfig, EmbeddedPostgres},
    log::{PostgresLog, transfer::read_answers},
    postgres::{Servers, connect_session, connect_sessions},
};
use daybook_domain::{
    event_log::{Head, Position, RecordedEvent},
    ids::TenantId,
    ports::EventLog as _,
};
use daybook_projections::reporting;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, postgres::PgConnectOptions,
};
use uuid::Uuid;

use crate::{
    answers::CommandAnswer,
    models::{Keys, SecretText, keys},
};

/// Events per read.
pub(crate) const PAGE: usize = 5000;

/// Where the log is.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// The database that holds the log. Its login is a member of `daybook_app`; no more is needed.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// The data directory of a private server. One that does not run is started for the while.
    #[arg(long, env = "DAYBOOK_DATA_DIR", global = true, conflicts_with = "database_url")]
    pub data_dir: Option<PathBuf>,
}

/// One tenant's history, open for reading.
#[derive(Debug)]
pub struct History {
    /// Whose.
    pub tenant: TenantId,
    database: PgConnectOptions,
    log: PostgresLog,
    pool: PgPool,
    server: Option<EmbeddedPostgres>,
}

/// A connection that writes to the log of any tenant: it takes the role `daybook_append`.
#[derive(Debug)]
pub struct Operator {
    pub(crate) connection: PgConnection,
    database: PgConnectOptions,
    server: Option<EmbeddedPostgres>,
}

/// A connection that sees the views of schema `reporting` as an analyst does.
#[derive(Debug)]
pub struct Reporting {
    /// Whose rows it sees; `None`: nobody's.
    pub tenant: Option<Uuid>,
    /// The connection.
    pub connection: PgConnection,
    server: Option<EmbeddedPostgres>,
}

impl Reporting {
    /// Closes the connection, and stops the server if it was started for this.
    pub async fn close(self) {
        // A connection that is broken is closed as well.
        let _closed = self.connection.close().await;
        if let Some(server) = self.server {
            server.stop_async().await;
        }
    }
}

impl Operator {
    /// The keys of the vault, as far as they are at hand.
    pub(crate) async fn keys(
        &self,
        given: Option<&SecretText>,
        source: &Source,
    ) -> anyhow::Result<Keys> {
        keys(given, source, &self.database).await
    }

    /// Closes the connection, and stops the server if it was started for this.
    pub async fn close(self) {
        // A connection that is broken is closed as well.
        let _closed = self.connection.close().await;
        if let Some(server) = self.server {
            server.stop_async().await;
        }
    }
}

impl Source {
    /// Whether a database is named.
    pub(crate) const fn is_named(&self) -> bool {
        self.database_url.is_some() || self.data_dir.is_some()
    }

    /// Opens the history of a tenant; an error if there is no such tenant.
    pub async fn open(&self, tenant: Uuid) -> anyhow::Result<History> {
        anyhow::ensure!(!tenant.is_nil(), "--tenant is missing: which tenant's history?");
        let (options, server) = self.connect().await?;
        let session = vec![
            ("role", "daybook_app".to_owned()),
            ("app.tenant_id", tenant.to_string()),
            ("default_transaction_read_only", "on".to_owned()),
        ];
        let database = options.clone().disable_statement_logging();
        let options = options.application_name("daybook-replay").disable_statement_logging();
        let pool = connect_sessions(options, 6, session).await;
        let pool = pool.context("the database cannot be reached")?;
        let log = PostgresLog::new(pool.clone());
        let history = History { tenant: TenantId::new(tenant), database, log, pool, server };
        history.head().await?;
        Ok(history)
    }

    /// Opens a connection that may append, for commands of the operator.
    pub async fn operator(&self) -> anyhow::Result<Operator> {
        let (options, server) = self.connect().await?;
        let database = options.clone().disable_statement_logging();
        let session = vec![("role", "daybook_append".to_owned())];
        let options = options.application_name("daybook-replay").disable_statement_logging();
        let connection = connect_session(&options, &session).await.context(
            "the database cannot be reached, or its login is no member of daybook_append",
        )?;
        Ok(Operator { connection, database, server })
    }

    /// Opens a connection for reports. A login that is bound to a tenant needs not name it, and cannot
    /// name another.
    pub async fn analyst(&self, tenant: Option<Uuid>) -> anyhow::Result<Reporting> {
        let (options, server) = self.connect().await?;
        let session = vec![("default_transaction_read_only", "on".to_owned())];
        let options = options.application_name("daybook-replay").disable_statement_logging();
        let opened = connect_session(&options, &session).await;
        let mut connection = opened.context("the database cannot be reached")?;
        let seen = reporting::enter(&mut connection, tenant).await?;
        Ok(Reporting { tenant: seen, connection, server })
    }

    pub(crate) async fn connect(
        &self,
    ) -> anyhow::Result<(PgConnectOptions, Option<EmbeddedPostgres>)> {
        if let Some(url) = &self.database_url {
            let servers = Servers::parse(url).context("the database URL")?;
            let server = servers.readable().await.context("the database cannot be reached")?;
            return Ok((server, None));
        }
        let data_dir =
            self.data_dir.as_deref().context("--database-url or --data-dir is needed")?;
        if let Some(options) = EmbeddedPostgres::running(data_dir)
            && options.connect().await.is_ok()
        {
            return Ok((options, None));
        }
        anyhow::ensure!(
            data_dir.join("pg").is_dir(),
            "{} is no data directory of Daybook",
            data_dir.display()
        );
        let server = EmbeddedPostgres::start_async(EmbeddedConfig::new(data_dir)).await?;
        Ok((server.options().database("daybook"), Some(server)))
    }
}

impl History {
    /// Where it stands.
    pub async fn head(&self) -> anyhow::Result<Head> {
        let head = self.log.head(self.tenant).await?;
        head.with_context(|| format!("there is no tenant {}", self.tenant))
    }

    /// The next events after a position; none at the end.
    pub async fn page(&self, after: Position) -> anyhow::Result<Vec<RecordedEvent>> {
        Ok(self.log.read_tenant(self.tenant, after, PAGE).await?)
    }

    /// The next stored answers after a key, of commands that rest on these positions.
    pub(crate) async fn answers(
        &self,
        after: Option<&str>,
        (from, to): (Position, Position),
    ) -> anyhow::Result<Vec<CommandAnswer>> {
        let page = read_answers(&self.pool, self.tenant, after, (from, to)).await?;
        Ok(page.into_iter().map(CommandAnswer::from).collect())
    }

    /// The log underneath.
    pub(crate) const fn log(&self) -> &PostgresLog {
        &self.log
    }

    /// Connections that may read this tenant.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The keys of the vault, as far as they are at hand.
    pub(crate) async fn keys(
        &self,
        given: Option<&SecretText>,
        source: &Source,
    ) -> anyhow::Result<Keys> {
        keys(given, source, &self.database).await
    }

    /// Closes the connections, and stops the server if it was started for this.
    pub async fn close(self) {
        self.pool.close().await;
        if let Some(server) = self.server {
            server.stop_async().await;
        }
    }
}
