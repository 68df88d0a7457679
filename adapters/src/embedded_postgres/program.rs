//! Running a PostgreSQL program: as the right account, in a clean environment, and never longer than we live.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;

use super::account::Account;

/// The programs of one installation, and who runs them.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    pub(super) dir: PathBuf,
    pub(super) account: Option<Account>,
}

impl Programs {
    /// A command for one program that gets `signal` when the thread that spawns it ends.
    pub(super) fn command(&self, program: &str, signal: Signal) -> Command {
        let mut command = Command::new(self.dir.join(program));
        // Variables such as PGPORT, PGOPTIONS or LC_TIME must not reach into the server.
        command
            .current_dir(Path::new("/"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        end_with_parent(&mut command, signal);
        command
    }
}

/// Has the kernel signal the process when the thread that spawned it ends, even by `kill -9`. It is set after the change
/// of the user id, which would clear it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "only code between fork and exec can set the parent-death signal")]
fn end_with_parent(command: &mut Command, signal: Signal) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    // SAFETY: the closure makes two system calls and neither allocates nor locks, as code after a fork must.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(signal))?;
            if getppid() == Some(parent) {
                Ok(())
            } else {
                // The parent was gone before the signal was set: it would never come.
                Err(std::io::Error::from(rustix::io::Errno::SRCH))
            }
        });
    }
}

/// Other systems have no such signal; a server that survives us is stopped at the next start.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command, _signal: Signal) {}
