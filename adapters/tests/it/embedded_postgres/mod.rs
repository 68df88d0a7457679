//! The rules of the private PostgreSQL, each provoked with real processes.
//!
//! The data directories lie in memory where there is room: killing a process loses nothing that the kernel has, and
//! the many small files of a cluster come and go quickly.

use std::{
    env, fs,
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use daybook_adapters::embedded_postgres::{EmbeddedConfig, EmbeddedPostgres, find_binaries};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

mod crashes;
mod first_start;
mod refusals;
mod remains;
mod victim;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says on the test's output that a rule concerns root alone.
fn skipped_unless_root() -> bool {
    if !is_root() {
        // Past the harness, which would keep the line to itself.
        std::io::stderr().write_all(b"skipped: this rule concerns root alone\n").unwrap();
    }
    !is_root()
}

/// Where the data directories of these tests lie.
fn base() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    if room > 1 << 30 { memory.to_path_buf() } else { env::temp_dir() }
}

fn data_dir() -> TempDir {
    tempfile::Builder::new().prefix("daybook-it-").tempdir_in(base()).unwrap()
}

/// A data directory with a stopped cluster in it, copied because making one takes a second.
fn data_dir_with_cluster() -> TempDir {
    static PRISTINE: OnceLock<PathBuf> = OnceLock::new();
    let pristine = PRISTINE.get_or_init(|| {
        let uid = rustix::process::geteuid().as_raw();
        let major = find_binaries(None, &base(), None).unwrap().major;
        let kept = base().join(format!("daybook-it-cluster-{uid}-{major}"));
        if !kept.join("pg/PG_VERSION").exists() {
            let making = data_dir();
            start(making.path()).stop();
            // Another process may be faster; then its cluster is as good as ours.
            drop(fs::create_dir(&kept));
            drop(fs::rename(making.path().join("pg"), kept.join("pg")));
        }
        kept.join("pg")
    });
    let dir = data_dir();
    let copied = Command::new("cp").arg("-a").arg(pristine).arg(dir.path()).status().unwrap();
    assert!(copied.success());
    dir
}

fn config(dir: &Path) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(dir);
    config.lock_wait = Duration::from_millis(50);
    config
}

#[track_caller]
fn start(dir: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(&config(dir)).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refusal(config: &EmbeddedConfig) -> String {
    match EmbeddedPostgres::start(config) {
        Ok(_) => panic!("the server started"),
        Err(error) => error.to_string(),
    }
}

/// Runs one query on a server.
fn ask(server: &EmbeddedPostgres, sql: &str) -> String {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = PgConnection::connect_with(&server.options()).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    })
}

/// A command run as the account that owns the cluster.
fn as_server_account(program: impl AsRef<std::ffi::OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        let owner = fs::metadata(dir.join("pg")).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// The server as PostgreSQL itself starts it, without any of our rules.
fn bare_postgres(dir: &Path) -> Command {
    let program = find_binaries(None, dir, None).unwrap().dir.join("postgres");
    let mut command = as_server_account(program, dir);
    command.env("LC_ALL", "C").arg("-D").arg(dir.join("pg")).arg("-k").arg(dir.join("run"));
    command.args(["-c", "listen_addresses="]).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A directory of programs that only look like PostgreSQL.
fn fake_programs(initdb: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    // The server's account runs them.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, script) in [("postgres", "echo 'postgres (PostgreSQL) 16.1'"), ("initdb", initdb)] {
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    dir
}
