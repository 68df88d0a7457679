//! A private PostgreSQL for machines where nobody has set one up.
//!
//! The programs of an installed PostgreSQL are run over a data directory of our own: `launcher.lock`, `pg/` (the cluster),
//! `run/` (the socket) and `postgres.log`. What holds at all times:
//! - One launcher per data directory; a second one is refused and told who holds it.
//! - The server listens on a socket in a private directory, and nowhere else.
//! - Durability is on: `fsync`, full-page writes, checksums.
//! - The server never outlives us for long, however we end, and its end is noticed: it is started again.
//! - Whatever a crash has left behind is cleared at the next start, without hurting what still lives.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

mod account;
mod binaries;
mod cluster;
mod config;
mod error;
mod fetch;
mod launcher;
mod lock;
mod processes;
mod program;
mod readiness;
mod settings;

use account::Account;
pub use binaries::{Binaries, OLDEST_MAJOR, find_binaries};
use config::Layout;
pub use config::{EmbeddedConfig, default_data_dir};
use error::Doing;
pub use error::{EmbeddedError, Holder, INSTALL_HINT};
pub use fetch::{FETCHED_VERSION, fetch_postgres};
use launcher::{Launch, Launcher};
use lock::DirectoryLock;
use program::Programs;

/// The owner of the cluster, and of the database in it.
const USER: &str = "daybook";
const DATABASE: &str = "daybook";

/// A running private server. It is stopped when this is dropped.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    // Fields are dropped in this order: the directory is given free when the server is gone.
    launcher: Launcher,
    layout: Layout,
    major: u32,
    _lock: DirectoryLock,
}

impl EmbeddedPostgres {
    /// Starts the server, making its cluster first if there is none. Blocks until it takes connections.
    pub fn start(config: &EmbeddedConfig) -> Result<Self, EmbeddedError> {
        let account = Account::choose(config.run_as.as_deref())?;
        let layout = Layout::prepare(&config.data_dir)?;
        let lock = DirectoryLock::take(&layout.lock, &layout.root, config.lock_wait)?;
        let cluster_major = cluster::recorded_major(&layout);
        let binaries = find_binaries(config.pg_bin.as_deref(), &layout.root, cluster_major)?;
        if let Some(cluster) = cluster_major.filter(|major| *major != binaries.major) {
            return Err(EmbeddedError::VersionMismatch {
                data_dir: layout.root,
                cluster,
                bin_dir: binaries.dir,
                binaries: binaries.major,
            });
        }
        if let Some(account) = &account {
            account.let_through(&layout.root)?;
        }
        layout.prepare_socket_dir(account.as_ref())?;
        let programs = Programs { dir: binaries.dir, account };
        cluster::ensure(&layout, &programs)?;
        let launcher = Launcher::start(Launch {
            layout: layout.clone(),
            programs,
            max_connections: config.max_connections,
        })?;
        tracing::info!(data_dir = %layout.root.display(), version = binaries.major, "PostgreSQL is ready");
        Ok(Self { launcher, layout, major: binaries.major, _lock: lock })
    }

    /// [`start`](Self::start) for async callers.
    pub async fn start_async(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        // The server belongs to a thread of its own, so the worker that waits here may end.
        match tokio::task::spawn_blocking(move || Self::start(&config)).await {
            Ok(started) => started,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Stops the server in order: sessions end, what was acknowledged is kept. Blocks until it is gone.
    pub fn stop(self) {
        drop(self);
    }

    /// [`stop`](Self::stop) for async callers.
    pub async fn stop_async(self) {
        if let Err(error) = tokio::task::spawn_blocking(move || self.stop()).await {
            tracing::error!(%error, "stopping PostgreSQL has failed");
        }
    }

    /// Deletes the cluster of a data directory, for starting anew. A running server is refused; fetched builds stay.
    pub fn erase(data_dir: &Path) -> Result<(), EmbeddedError> {
        let layout = Layout::prepare(data_dir)?;
        let _lock = DirectoryLock::take(&layout.lock, &layout.root, Duration::ZERO)?;
        for dir in [&layout.cluster, &layout.unfinished_cluster] {
            processes::end_all(dir)?;
            match fs::remove_dir_all(dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).doing("remove", dir);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How to connect to our database.
    pub fn options(&self) -> PgConnectOptions {
        // Without a password file or variables: nothing from outside may lead elsewhere.
        PgConnectOptions::new_without_pgpass()
            .socket(&self.layout.socket_dir)
            .port(5432)
            .username(USER)
            .database(DATABASE)
            .ssl_mode(PgSslMode::Disable)
    }

    /// How to reach the server that another process runs in a data directory; `None` if the files
    /// of its cluster say that none runs. It may have ended without saying so.
    pub fn running(data_dir: &Path) -> Option<PgConnectOptions> {
        let text = fs::read_to_string(data_dir.join("pg/postmaster.pid")).ok()?;
        // Lines 4 and 5: port and directory of the socket.
        let mut lines = text.lines().skip(3);
        let (port, socket) = (lines.next()?.trim().parse().ok()?, lines.next()?.trim());
        let options = PgConnectOptions::new_without_pgpass().socket(socket).port(port);
        Some(options.username(USER).database(DATABASE).ssl_mode(PgSslMode::Disable))
    }

    /// The directory of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.layout.socket_dir
    }

    /// The directory of the cluster itself.
    pub fn cluster_dir(&self) -> &Path {
        &self.layout.cluster
    }

    /// The log of the server.
    pub fn log_path(&self) -> PathBuf {
        self.layout.log.clone()
    }

    /// The major version of the server.
    pub fn major_version(&self) -> u32 {
        self.major
    }

    /// The process of the server, while it takes connections.
    pub fn pid(&self) -> Option<u32> {
        self.launcher.pid()
    }

    /// How often the server had to be started again after it had ended by itself.
    pub fn restarts(&self) -> u32 {
        self.launcher.restarts()
    }

    /// Ends when the server has crashed so often that it is not started again.
    pub fn given_up(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut given_up = self.launcher.given_up();
        async move {
            // Without a launcher nobody will say so any more: it was stopped.
            if given_up.wait_for(|given_up| *given_up).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the server has been started again that often and takes connections; `false` when it takes too long.
    pub fn wait_for_restarts(&self, restarts: u32, patience: Duration) -> bool {
        self.launcher.wait_for_restarts(restarts, patience)
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        self.launcher.stop();
        self.layout.forget_short_socket_dir();
    }
}
