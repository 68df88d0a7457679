//! What an earlier run may have left: processes and files.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::{as_server_account, ask, bare_postgres, data_dir_with_cluster, start};

/// Leaves a pid file as a killed server would, but with the number of another process in it, and shows that PostgreSQL
/// by itself would not start over it.
fn leave_pid_file(dir: &Path, pid: u32) {
    let server = start(dir);
    let written = fs::read_to_string(dir.join("pg/postmaster.pid")).unwrap();
    server.stop();
    let rest = written.split_once('\n').unwrap().1;
    fs::write(dir.join("pg/postmaster.pid"), format!("{pid}\n{rest}")).unwrap();
    fs::write(dir.join("run/.s.PGSQL.5432.lock"), format!("{pid}\n{rest}")).unwrap();
    let refused = bare_postgres(dir).output().unwrap();
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("already exists"), "PostgreSQL alone is content: {complaint}");
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

#[test]
fn a_dead_server_that_nobody_has_reaped_does_not_block_the_next() {
    let dir = data_dir_with_cluster();
    let mut zombie = as_server_account("true", dir.path()).spawn().unwrap();
    waitid(WaitId::Pid(pid_of(&zombie)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    leave_pid_file(dir.path(), zombie.id());
    let server = start(dir.path());
    assert_eq!(ask(&server, "SELECT 'up'"), "up");
    zombie.wait().unwrap();
}

#[test]
fn a_pid_file_that_names_a_stranger_does_not_block_and_does_not_hurt_the_stranger() {
    let dir = data_dir_with_cluster();
    let mut stranger = as_server_account("sleep", dir.path()).arg("600").spawn().unwrap();
    leave_pid_file(dir.path(), stranger.id());
    let server = start(dir.path());
    assert_eq!(ask(&server, "SELECT 'up'"), "up");
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_server_that_survived_its_launcher_is_shut_down_in_order_and_replaced() {
    let dir = data_dir_with_cluster();
    // The first start makes the socket directory; the survivor then has no launcher at all.
    start(dir.path()).stop();
    let mut survivor = bare_postgres(dir.path()).stderr(Stdio::null()).spawn().unwrap();
    let pid_file = dir.path().join("pg/postmaster.pid");
    while !fs::read_to_string(&pid_file).is_ok_and(|text| text.contains("ready")) {
        assert!(survivor.try_wait().unwrap().is_none(), "the survivor did not survive");
        std::thread::yield_now();
    }
    let server = start(dir.path());
    assert_eq!(ask(&server, "SELECT 'up'"), "up");
    assert!(survivor.wait().unwrap().success(), "an orderly shutdown ends with success");
}
