//! Killing the launcher, the server, or both, while clients write.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet, time::timeout};

use super::{data_dir_with_cluster, start, victim, victim::Victim};

/// So many writers, and so many acknowledged writes before somebody is killed.
const WRITERS: i64 = 4;
const WRITES: usize = 200;

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn options(dir: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(dir.join("run"))
        .port(5432)
        .username("daybook")
        .database("daybook")
}

/// Writes on several connections until each breaks, calls `strike` in the middle of it, and returns what was acknowledged.
async fn write_until(options: &PgConnectOptions, strike: impl FnOnce()) -> Vec<i64> {
    let mut connection = PgConnection::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE written (n bigint PRIMARY KEY)")
        .execute(&mut connection)
        .await
        .unwrap();
    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut connection = PgConnection::connect_with(options).await.unwrap();
        let acknowledge = acknowledge.clone();
        writers.spawn(async move {
            for n in (writer..).step_by(usize::try_from(WRITERS).unwrap()) {
                let insert = sqlx::query("INSERT INTO written VALUES ($1)").bind(n);
                if insert.execute(&mut connection).await.is_err() {
                    return;
                }
                acknowledge.send(n).unwrap();
            }
        });
    }
    drop(acknowledge);
    let mut all = Vec::new();
    acknowledged.recv_many(&mut all, WRITES).await;
    while all.len() < WRITES {
        assert_ne!(acknowledged.recv_many(&mut all, WRITES).await, 0, "the writers gave up");
    }
    strike();
    let broken = async { while acknowledged.recv_many(&mut all, WRITES).await > 0 {} };
    timeout(Duration::from_secs(20), broken)
        .await
        .expect("the server goes on without its launcher");
    writers.join_all().await;
    all
}

/// Everything that was acknowledged is stored; of what was not, at most one write per writer may be.
async fn assert_kept(pool: &PgPool, acknowledged: &[i64]) {
    let stored: Vec<i64> =
        sqlx::query_scalar("SELECT n FROM written").fetch_all(pool).await.unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|n| !stored.contains(n)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let in_flight = stored.len() - acknowledged.len();
    assert!(in_flight <= usize::try_from(WRITERS).unwrap(), "{in_flight} writes out of nowhere");
}

fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().acquire_timeout(Duration::from_secs(20)).connect_lazy_with(options)
}

#[test]
fn a_killed_server_comes_back_by_itself_with_all_that_was_acknowledged() {
    let dir = data_dir_with_cluster();
    let server = start(dir.path());
    let first = server.pid().unwrap();
    Runtime::new().unwrap().block_on(async {
        let acknowledged = write_until(&server.options(), || kill(first)).await;
        assert!(server.wait_for_restarts(1, Duration::from_secs(20)));
        assert_kept(&pool(server.options()), &acknowledged).await;
    });
    assert_ne!(server.pid().unwrap(), first);
}

#[test]
fn a_killed_launcher_takes_its_server_along_and_the_next_one_starts_at_once() {
    if victim::is_played() {
        return;
    }
    let dir = data_dir_with_cluster();
    let mut killed = Victim::spawn(
        a_killed_launcher_takes_its_server_along_and_the_next_one_starts_at_once,
        dir.path(),
    );
    Runtime::new().unwrap().block_on(async {
        let acknowledged = write_until(&options(dir.path()), || killed.kill()).await;
        let server = start(dir.path());
        assert_ne!(server.pid(), Some(killed.server));
        assert_kept(&pool(server.options()), &acknowledged).await;
    });
}

#[test]
fn launcher_and_server_killed_together_lose_nothing_that_was_acknowledged() {
    if victim::is_played() {
        return;
    }
    let dir = data_dir_with_cluster();
    let mut killed = Victim::spawn(
        launcher_and_server_killed_together_lose_nothing_that_was_acknowledged,
        dir.path(),
    );
    Runtime::new().unwrap().block_on(async {
        let strike = || {
            kill(killed.server);
            killed.kill();
        };
        let acknowledged = write_until(&options(dir.path()), strike).await;
        assert!(dir.path().join("pg/postmaster.pid").exists(), "the server was not killed");
        let server = start(dir.path());
        assert_kept(&pool(server.options()), &acknowledged).await;
    });
}

#[test]
fn another_process_is_refused_while_the_first_one_lives() {
    if victim::is_played() {
        return;
    }
    let dir = data_dir_with_cluster();
    let first = Victim::spawn(another_process_is_refused_while_the_first_one_lives, dir.path());
    let message = super::refusal(&super::config(dir.path()));
    assert!(message.contains("in use by another Daybook (process "), "{message}");
    first.stop();
    start(dir.path());
}
