//! Why the private server could not be had. Every message ends with what to do next.

use std::{io, path::PathBuf};

/// What to type on the common systems when no PostgreSQL server is installed.
pub const INSTALL_HINT: &str = "\
install PostgreSQL 14 or newer:
  Debian, Ubuntu   apt install postgresql
  Fedora, RHEL     dnf install postgresql-server
  openSUSE         zypper install postgresql-server
  Arch             pacman -S postgresql
  Alpine           apk add postgresql
  macOS            brew install postgresql@17
or name its programs with --pg-bin DIR (DAYBOOK_PG_BIN), or use a server of your own with DATABASE_URL";

/// A private server that cannot be started, kept or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("no PostgreSQL server of version 14 or newer is on this machine; {INSTALL_HINT}")]
    NoBinaries,
    #[error(
        "{dir} holds no usable PostgreSQL: {reason}; name the directory that contains `postgres` and `initdb` of version 14 or newer"
    )]
    UnusableBinaries { dir: PathBuf, reason: String },
    #[error(
        "the data directory {data_dir} is in use by another Daybook{holder}; stop that one, or choose another directory with --data-dir"
    )]
    Locked { data_dir: PathBuf, holder: Holder },
    #[error(
        "the cluster in {data_dir} was made by PostgreSQL {cluster}, but {bin_dir} is PostgreSQL {binaries}; install PostgreSQL {cluster} beside it, or move the data over with `daybook db upgrade` (dump and restore)"
    )]
    VersionMismatch { data_dir: PathBuf, cluster: u32, bin_dir: PathBuf, binaries: u32 },
    #[error(
        "PostgreSQL does not run as root, and this machine has no account named {tried}; create one (useradd --system postgres) or name one with --pg-user"
    )]
    NoAccount { tried: String },
    #[error("only root can run PostgreSQL as {name}; leave --pg-user out, or start as root")]
    NotRoot { name: String },
    #[error(
        "the user id {uid} has no entry in the passwd database, and PostgreSQL refuses to make a cluster without one; add a passwd line for it (or preload nss_wrapper), or use a server of your own with DATABASE_URL"
    )]
    NoPasswdEntry { uid: u32 },
    #[error(
        "PostgreSQL runs as {account}, who may not pass through {dir}; choose a data directory outside it with --data-dir (for example /var/lib/daybook)"
    )]
    Unsearchable { dir: PathBuf, account: String },
    #[error(
        "the socket path {path} is {length} bytes long, the system allows {limit}; choose a shorter data directory with --data-dir"
    )]
    SocketPathTooLong { path: PathBuf, length: usize, limit: usize },
    #[error("the socket directory {dir} belongs to somebody else; remove it and start again")]
    ForeignSocketDir { dir: PathBuf },
    #[error("initdb could not make a cluster: {detail}; mend that and start again")]
    Initdb { detail: String },
    #[error("PostgreSQL did not start: {detail}; the whole story is in {log}")]
    Start { detail: String, log: PathBuf },
    #[error(
        "processes {pids:?} still work in {dir} and did not end when told to; end them by hand and start again"
    )]
    StillInUse { dir: PathBuf, pids: Vec<i32> },
    #[error(
        "no PostgreSQL is on this machine, and fetching version {version} failed: {reason}; {INSTALL_HINT}"
    )]
    Fetch { version: &'static str, reason: String },
    #[error("neither HOME nor XDG_DATA_HOME is set; choose a data directory with --data-dir")]
    NoHome,
    #[error(
        "cannot {doing} {path}; check that it exists, that it is writable and that the disk has room"
    )]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// The process that holds a data directory, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(pub Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (process {pid})"),
            None => Ok(()),
        }
    }
}

/// Names the path and the deed in a failed file operation.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, EmbeddedError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { doing, path: path.to_path_buf(), source })
    }
}

impl<T> Doing<T> for Result<T, rustix::io::Errno> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, EmbeddedError> {
        self.map_err(io::Error::from).doing(doing, path)
    }
}
