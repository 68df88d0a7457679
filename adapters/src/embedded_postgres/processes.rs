//! What an earlier run has left behind: processes that still live in the cluster, and files that only look like it.
//!
//! `postmaster.pid` alone proves nothing. A dead server that nobody has reaped still answers `kill(pid, 0)`, and after a
//! restart of the machine its number may belong to a stranger. But every process of a server has the cluster as its
//! working directory, so those are looked for instead. Only when none lives are the stale files removed: while an
//! orphaned backend lives, the pid file guards its shared memory.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    config::{Layout, SOCKET_NAME},
    error::{Doing, EmbeddedError},
};

/// How long an old server may take to shut down in order, and then to break off.
const ORDERLY: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::from_secs(10);

/// Ends whatever still works in the cluster, then removes the files that would keep a new server from starting.
pub(super) fn clear_remains(layout: &Layout) -> Result<(), EmbeddedError> {
    end_all(&layout.cluster)?;
    if !cfg!(target_os = "linux") {
        // Without /proc nobody can be ruled out; PostgreSQL makes its own, weaker check.
        return Ok(());
    }
    let socket_lock = layout.socket_dir.join(format!("{SOCKET_NAME}.lock"));
    for path in [layout.pid_file(), socket_lock, layout.socket()] {
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed a stale file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).doing("remove", &path),
        }
    }
    Ok(())
}

/// Waits until no process works in `dir`, telling those that do to end.
pub(super) fn end_all(dir: &Path) -> Result<(), EmbeddedError> {
    let begun = Instant::now();
    let mut asked = false;
    let mut insisted = false;
    loop {
        let living = living_in(dir);
        if living.is_empty() {
            return Ok(());
        }
        if !asked {
            asked = true;
            ask_to_end(dir, &living);
        }
        if begun.elapsed() > ORDERLY && !insisted {
            insisted = true;
            signal_all(&living, Signal::QUIT);
        }
        if begun.elapsed() > ORDERLY + AT_ONCE {
            let pids = living.iter().map(|pid| pid.as_raw_nonzero().get()).collect();
            return Err(EmbeddedError::StillInUse { dir: dir.to_path_buf(), pids });
        }
        // They are not our children: there is nothing to wait on but the clock.
        thread::sleep(Duration::from_millis(10));
    }
}

fn ask_to_end(dir: &Path, living: &[Pid]) {
    if let Some(postmaster) = recorded_pid(dir).filter(|pid| living.contains(pid)) {
        let pid = postmaster.as_raw_nonzero();
        tracing::warn!(pid, "an earlier server still runs: stopping it");
        send(postmaster, Signal::INT);
    } else {
        tracing::warn!(count = living.len(), "an earlier server has left processes: ending them");
        signal_all(living, Signal::TERM);
    }
}

fn signal_all(pids: &[Pid], signal: Signal) {
    for pid in pids {
        send(*pid, signal);
    }
}

/// A process that has ended meanwhile needs no signal.
fn send(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process(pid, signal) {
        tracing::debug!(pid = pid.as_raw_nonzero(), %error, "signal not delivered");
    }
}

/// The process that the pid file of a cluster names, dead or alive, ours or not.
pub(super) fn recorded_pid(cluster: &Path) -> Option<Pid> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// The living processes whose working directory is `dir`.
#[cfg(target_os = "linux")]
pub(super) fn living_in(dir: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == dir))
        .filter(|entry| {
            fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| !is_dead(&stat))
        })
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Elsewhere only the pid file is known.
#[cfg(not(target_os = "linux"))]
pub(super) fn living_in(dir: &Path) -> Vec<Pid> {
    recorded_pid(dir)
        .into_iter()
        .filter(|pid| rustix::process::test_kill_process(*pid).is_ok())
        .collect()
}

/// Whether a line of `/proc/PID/stat` is about a process that has ended and waits to be reaped.
/// The name stands in parentheses and may contain some of its own.
#[cfg(target_os = "linux")]
fn is_dead(stat: &str) -> bool {
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    matches!(state, Some("Z" | "X"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_process_is_read_behind_its_name() {
        assert!(is_dead("42 (postgres) Z 1 42"));
        assert!(is_dead("42 (a) S (b)) X 1 42"));
        assert!(!is_dead("42 (sneaky) Z) S 1 42"));
    }
}
