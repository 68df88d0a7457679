//! A PostgreSQL for tests: one private server per test process, and a database per test, copied from a migrated template.
//!
//! The server is the one that Daybook itself brings along, durability included. Its data directories are numbered slots
//! below the system's temporary directory: a process takes the first free one, so that runs at the same time do not meet,
//! and a later run finds the cluster and the template made. `DAYBOOK_TEST_DATABASE_URL` names another server instead;
//! its user must be allowed to create databases.

#![expect(clippy::panic, reason = "a test that cannot have its database has failed")]

use std::{
    collections::HashSet,
    env, fs,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver, Sender, TryRecvError},
    },
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{runtime, sync::Mutex};

use crate::embedded_postgres::{EmbeddedConfig, EmbeddedError, EmbeddedPostgres, fetch_postgres};

/// Serialises the making of a template between processes that share a server.
const TEMPLATE_LOCK: i64 = 0x64_61_79_62;

/// More templates than that mean that the migrations are being worked on.
const TEMPLATES_KEPT: usize = 6;

/// A server that test databases are made on.
#[derive(Debug)]
pub struct TestServer {
    admin: PgConnectOptions,
    /// Held for the life of the process; the kernel ends the server with it.
    embedded: Option<EmbeddedPostgres>,
    templates: Mutex<HashSet<String>>,
    janitor: Sender<Discarded>,
    databases: AtomicU32,
}

/// A database of one test; it is dropped at the end of the test, with whoever is still connected.
#[derive(Debug)]
pub struct TestDatabase {
    /// How to connect to it.
    pub options: PgConnectOptions,
    name: String,
    server: &'static TestServer,
}

/// The server of this process, started at the first call.
pub fn server() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        // Starting blocks and may fetch: it gets a thread, so that the runtime of the test is left alone.
        match thread::spawn(TestServer::start).join() {
            Ok(Ok(server)) => server,
            Ok(Err(reason)) => panic!("no PostgreSQL for the tests: {reason}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

impl TestServer {
    /// A database with the schema of `migrator`.
    pub async fn database(&'static self, migrator: &Migrator) -> TestDatabase {
        let template = self.template(migrator).await;
        self.copy_of(&template).await
    }

    /// A database without a schema.
    pub async fn empty_database(&'static self) -> TestDatabase {
        self.copy_of("template1").await
    }

    /// The private server behind this, unless the tests run on one of their own.
    pub fn embedded(&self) -> Option<&EmbeddedPostgres> {
        self.embedded.as_ref()
    }

    fn start() -> Result<Self, String> {
        let (admin, embedded) = match env::var("DAYBOOK_TEST_DATABASE_URL") {
            Ok(url) => (url.parse().map_err(|error: sqlx::Error| error.to_string())?, None),
            Err(_not_set) => {
                let embedded = start_in_a_free_slot().map_err(|error| error.to_string())?;
                (embedded.options().database("postgres"), Some(embedded))
            }
        };
        let admin = admin.disable_statement_logging();
        let (janitor, discarded) = mpsc::channel();
        let sweep = embedded.is_some();
        let cleaner = admin.clone();
        let (ready, readiness) = mpsc::channel();
        thread::Builder::new()
            .name("test-databases".to_owned())
            .spawn(move || clean_up(&cleaner, sweep, &ready, &discarded))
            .map_err(|error| error.to_string())?;
        readiness.recv().map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(Self {
            admin,
            embedded,
            templates: Mutex::default(),
            janitor,
            databases: AtomicU32::default(),
        })
    }

    async fn copy_of(&'static self, template: &str) -> TestDatabase {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("daybook_test_{}_{number}", std::process::id());
        let mut admin = self.connect().await;
        execute(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        drop(admin.close().await);
        TestDatabase { options: self.admin.clone().database(&name), name, server: self }
    }

    /// The template for a set of migrations, which is named after their content. It grows under another name, so that one
    /// half migrated is never copied.
    async fn template(&self, migrator: &Migrator) -> String {
        let name = format!("daybook_template_{}", fingerprint(migrator));
        let mut known = self.templates.lock().await;
        if known.contains(&name) {
            return name;
        }
        let mut admin = self.connect().await;
        execute(&mut admin, &format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
        let exists: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                .bind(&name)
                .fetch_one(&mut admin)
                .await
                .unwrap_or_else(|error| panic!("the test databases cannot be listed: {error}"));
        if !exists {
            let unfinished = format!("{name}_new");
            drop_database(&mut admin, &unfinished).await;
            execute(&mut admin, &format!("CREATE DATABASE {unfinished}")).await;
            self.migrate(&unfinished, migrator).await;
            execute(&mut admin, &format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
        }
        // The end of the session gives the advisory lock back.
        drop(admin.close().await);
        known.insert(name.clone());
        name
    }

    async fn migrate(&self, database: &str, migrator: &Migrator) {
        let options = self.admin.clone().database(database);
        let mut connection = connect(&options).await;
        if let Err(error) = migrator.run(&mut connection).await {
            panic!("the migrations of the test template failed: {error}");
        }
        drop(connection.close().await);
    }

    async fn connect(&self) -> PgConnection {
        connect(&self.admin).await
    }
}

impl TestDatabase {
    /// A small pool on the database; each call makes another.
    pub fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(30))
            .connect_lazy_with(self.options.clone())
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (done, gone) = mpsc::channel();
        let discarded = Discarded { name: self.name.clone(), _done: done };
        // On the private server the next run sweeps what is left; a foreign server must be left clean.
        let told = self.server.janitor.send(discarded).is_ok();
        if told && self.server.embedded.is_none() {
            gone.iter().for_each(drop);
        }
    }
}

/// A database to be dropped; the channel closes when that has been done.
struct Discarded {
    name: String,
    _done: Sender<()>,
}

/// Drops the databases that this run gives up and, when there is nothing else to do, those that earlier runs have left:
/// dropping is slow where the disk is told of every freed block, and no test shall wait for it. The thread has a runtime of
/// its own, because that of a test is gone when its database is to go.
fn clean_up(
    admin: &PgConnectOptions,
    sweep: bool,
    ready: &Sender<Result<(), sqlx::Error>>,
    discarded: &Receiver<Discarded>,
) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error.into()))),
    };
    let begun = runtime.block_on(async {
        let mut connection = admin.connect().await?;
        let left = if sweep { leftovers(&mut connection).await? } else { Vec::new() };
        Ok((connection, left))
    });
    let (mut connection, mut left) = match begun {
        Ok(begun) => begun,
        Err(error) => return drop(ready.send(Err(error))),
    };
    drop(ready.send(Ok(())));
    loop {
        match discarded.try_recv() {
            Ok(database) => runtime.block_on(drop_database(&mut connection, &database.name)),
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => match left.pop() {
                Some(name) => runtime.block_on(drop_database(&mut connection, &name)),
                None => match discarded.recv() {
                    Ok(database) => {
                        runtime.block_on(drop_database(&mut connection, &database.name));
                    }
                    Err(_disconnected) => return,
                },
            },
        }
    }
}

/// Databases of runs that are over. What might be taken for one of this run, and templates of migrations that have since
/// changed too often to be worth keeping, are dropped on the spot.
async fn leftovers(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE datname ~ '^daybook_(test|template)_'",
    )
    .fetch_all(&mut *connection)
    .await?;
    let (templates, databases): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.starts_with("daybook_template_"));
    let ours = format!("daybook_test_{}_", std::process::id());
    let (ours, left): (Vec<_>, Vec<_>) =
        databases.into_iter().partition(|name| name.starts_with(&ours));
    let outdated = if templates.len() > TEMPLATES_KEPT { templates } else { Vec::new() };
    for name in ours.iter().chain(&outdated) {
        drop_database(connection, name).await;
    }
    Ok(left)
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    options
        .connect()
        .await
        .unwrap_or_else(|error| panic!("the test server cannot be reached: {error}"))
}

/// Runs a statement that takes no parameters; the names in it are our own.
async fn execute(connection: &mut PgConnection, statement: &str) {
    if let Err(error) = sqlx::query(statement).execute(connection).await {
        panic!("{statement}: {error}");
    }
}

/// A database that cannot be dropped is left to the next run.
async fn drop_database(connection: &mut PgConnection, name: &str) {
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    if let Err(error) = sqlx::query(&statement).execute(connection).await {
        tracing::warn!(name, %error, "a test database stays");
    }
}

fn fingerprint(migrator: &Migrator) -> String {
    let mut digest = Sha256::new();
    for migration in migrator.iter() {
        digest.update(migration.version.to_be_bytes());
        digest.update(&migration.checksum);
    }
    hex::encode(&digest.finalize()[..8])
}

/// Starts the server in the first slot that no other process holds.
fn start_in_a_free_slot() -> Result<EmbeddedPostgres, EmbeddedError> {
    let slots = slots_dir()?;
    let mut number = 0;
    let mut pg_bin = None;
    loop {
        let mut config = EmbeddedConfig::new(slots.join(format!("slot-{number}")));
        config.lock_wait = Duration::ZERO;
        config.max_connections = 200;
        config.pg_bin.clone_from(&pg_bin);
        match EmbeddedPostgres::start(&config) {
            Err(EmbeddedError::Locked { .. }) => number += 1,
            Err(EmbeddedError::NoBinaries) => pg_bin = Some(fetch(&slots)?),
            // What an earlier run has left is of no worth: it may come from another version, or from a full disk.
            Err(EmbeddedError::VersionMismatch { .. } | EmbeddedError::Start { .. }) => {
                EmbeddedPostgres::erase(&config.data_dir)?;
                return EmbeddedPostgres::start(&config);
            }
            started => return started,
        }
    }
}

/// Without an installed PostgreSQL, the pinned build is fetched once for all runs.
fn fetch(slots: &Path) -> Result<PathBuf, EmbeddedError> {
    tracing::warn!("no PostgreSQL is installed: fetching a build for the tests");
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime to fetch with: {error}"));
    runtime.block_on(fetch_postgres(slots))
}

/// The directory of the slots; it carries the user's number, because users do not share them.
fn slots_dir() -> Result<PathBuf, EmbeddedError> {
    let uid = rustix::process::geteuid().as_raw();
    let dir = env::temp_dir().join(format!("daybook-test-postgres-{uid}"));
    let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(&dir);
    let owner = made.and_then(|()| fs::symlink_metadata(&dir)).map(|metadata| metadata.uid());
    match owner {
        Ok(owner) if owner == uid => Ok(dir),
        Ok(_) => Err(EmbeddedError::ForeignSocketDir { dir }),
        Err(source) => Err(EmbeddedError::Io { doing: "make", path: dir, source }),
    }
}
