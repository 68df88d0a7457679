//! Brings a schema up to date: all pending migrations in one transaction, by one process at a time, and
//! never waiting for ever.
//!
//! sqlx's own advisory lock is not taken: every login of the database may take it and would stop every
//! start of the program. The lock is one on sqlx's table of migrations, on which no other login has a
//! privilege.

use std::{borrow::Cow, fmt, time::Duration};

use sqlx::{
    Acquire as _, Executor as _, PgConnection, Row as _,
    error::DatabaseError,
    migrate::{Migrate as _, MigrateError, Migrator},
};

use crate::MIGRATOR;

/// How long another migration, or a statement that reads a table which is to be changed, is waited
/// for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Conflicts with itself only: sqlx may write to the table meanwhile.
const LOCK: &str = "LOCK TABLE _sqlx_migrations IN SHARE UPDATE EXCLUSIVE MODE";

/// Sessions that hold a lock on a table of ours, longest first.
const BLOCKERS: &str = "
    SELECT DISTINCT ON (a.xact_start, a.pid)
           a.pid, coalesce(a.usename::text, '') AS login, coalesce(a.application_name, '') AS application,
           coalesce(to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '') AS since,
           l.relation::regclass::text AS relation
      FROM pg_catalog.pg_locks AS l
      JOIN pg_catalog.pg_stat_activity AS a USING (pid)
      JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE l.granted AND l.pid <> pg_backend_pid()
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
       AND (c.relname = '_sqlx_migrations' OR n.nspname IN ('log', 'vault', 'read', 'ops', 'reporting'))
       AND a.application_name NOT LIKE 'daybook-%'
     ORDER BY a.xact_start, a.pid
     LIMIT 3";

/// A session that holds what a migration waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Its process id in PostgreSQL.
    pub pid: i32,
    /// Its login.
    pub login: String,
    /// Its application name.
    pub application: String,
    /// Since when its transaction is open.
    pub since: String,
    /// A table that it has locked.
    pub relation: String,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, login, application, since, relation } = self;
        write!(
            f,
            "process {pid} (login {login}, application `{application}`) holds {relation} since {since}"
        )
    }
}

/// Why the schema was not brought up to date. Nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Somebody holds a lock.
    #[error(
        "the migration waited {seconds} s for a lock: {}. End the session, for example with \
         SELECT pg_terminate_backend(pid), or wait, and start again",
        told(.blockers)
    )]
    Blocked {
        /// How long it waited.
        seconds: u64,
        /// Who holds locks on the tables of the schema.
        blockers: Vec<Blocker>,
    },
    /// A migration failed, or does not fit what was run before.
    #[error("the migrations failed")]
    Failed(#[from] MigrateError),
    /// The database cannot answer.
    #[error("the database cannot answer")]
    Unavailable(#[from] sqlx::Error),
}

fn told(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        return "its holder has ended meanwhile".to_owned();
    }
    blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Runs what was not run yet.
pub async fn migrate(connection: &mut PgConnection) -> Result<(), MigrationError> {
    migrate_within(connection, PATIENCE).await
}

/// As [`migrate`], waiting for locks no longer than this.
pub async fn migrate_within(
    connection: &mut PgConnection,
    patience: Duration,
) -> Result<(), MigrationError> {
    // Of two first starts one makes the table, and the other finds it.
    if connection.ensure_migrations_table().await.is_err() {
        connection.ensure_migrations_table().await?;
    }
    match locked(connection, patience).await {
        Err(error) if is_timeout(&error) => {
            let blockers = blockers(connection).await?;
            Err(MigrationError::Blocked { seconds: patience.as_secs(), blockers })
        }
        done => done,
    }
}

async fn locked(connection: &mut PgConnection, patience: Duration) -> Result<(), MigrationError> {
    let mut transaction = connection.begin().await?;
    let timeout = format!("SET LOCAL lock_timeout = {}", patience.as_millis());
    transaction.execute(timeout.as_str()).await?;
    transaction.execute(LOCK).await?;
    let migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATOR.migrations),
        locking: false,
        ..Migrator::DEFAULT
    };
    migrator.run(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// 55P03: `lock_not_available`.
fn is_timeout(error: &MigrationError) -> bool {
    let source = match error {
        MigrationError::Unavailable(error)
        | MigrationError::Failed(
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
        ) => error,
        MigrationError::Failed(_) | MigrationError::Blocked { .. } => return false,
    };
    source.as_database_error().and_then(DatabaseError::code).as_deref() == Some("55P03")
}

async fn blockers(connection: &mut PgConnection) -> Result<Vec<Blocker>, sqlx::Error> {
    let rows = connection.fetch_all(BLOCKERS).await?;
    let blocker = |row: &sqlx::postgres::PgRow| {
        Ok(Blocker {
            pid: row.try_get("pid")?,
            login: row.try_get("login")?,
            application: row.try_get("application")?,
            since: row.try_get("since")?,
            relation: row.try_get("relation")?,
        })
    };
    rows.iter().map(blocker).collect()
}
