//! The thread that owns the server process.
//!
//! The kernel's parent-death signal goes out when the spawning *thread* ends, so the server is spawned from a thread of
//! its own that lives as long as the server does, never from a worker of the async runtime. The thread also reaps the
//! server, so that no zombie is left, and starts it again when it ends without having been told to.

use std::{
    fs::{self, File},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    process::{Child, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use tokio::sync::watch;

use super::{
    cluster,
    config::Layout,
    error::{Doing, EmbeddedError},
    processes,
    program::Programs,
    readiness::{self, Answer},
    settings,
};

/// A server that gives no sign of life for this long will not start.
const SILENCE: Duration = Duration::from_mins(2);
/// How long an orderly shutdown may take before it is broken off.
const ORDERLY: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::from_secs(5);
/// So many crashes within the window, and the server is given up.
const CRASHES: usize = 5;
const CRASH_WINDOW: Duration = Duration::from_mins(1);
/// The server's own log is put aside when it has grown to this size.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;

/// Everything needed to start the server.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) layout: Layout,
    pub(super) programs: Programs,
    pub(super) max_connections: u32,
}

/// The handle on the thread and its server.
#[derive(Debug)]
pub(super) struct Launcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether the server crashed too often to be started again.
    given_up: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// The server that runs and has not been reaped, so that its number is certainly its own.
    pid: Option<Pid>,
    ready: bool,
    stopping: bool,
    restarts: u32,
}

impl Launcher {
    /// Starts the server and returns when it takes connections.
    pub(super) fn start(launch: Launch) -> Result<Self, EmbeddedError> {
        let shared = Arc::new(Shared::default());
        let (started, first_start) = mpsc::channel();
        let log = launch.layout.log.clone();
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("daybook-postgres".to_owned())
                .spawn(move || shared.supervise(&launch, &started))
                .doing("start a thread for", &log)?
        };
        let launcher = Self { shared, thread: Some(thread) };
        first_start.recv().unwrap_or_else(|_gone| {
            Err(EmbeddedError::Start { detail: "the launcher thread has died".to_owned(), log })
        })?;
        Ok(launcher)
    }

    /// Shuts the server down in order and waits until it is gone.
    pub(super) fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let mut state = self.shared.lock();
        state.stopping = true;
        self.shared.changed.notify_all();
        for (signal, patience) in
            [(Signal::INT, ORDERLY), (Signal::QUIT, AT_ONCE), (Signal::KILL, AT_ONCE)]
        {
            let Some(pid) = state.pid else { break };
            signal_server(pid, signal);
            state = self
                .shared
                .changed
                .wait_timeout_while(state, patience, |state| state.pid.is_some())
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        drop(state);
        if thread.join().is_err() {
            tracing::error!("the launcher thread of PostgreSQL has panicked");
        }
    }

    /// The postmaster, while the server takes connections.
    pub(super) fn pid(&self) -> Option<u32> {
        let state = self.shared.lock();
        let pid = state.pid.filter(|_| state.ready)?;
        u32::try_from(pid.as_raw_nonzero().get()).ok()
    }

    /// Learns whether the server is given up.
    pub(super) fn given_up(&self) -> watch::Receiver<bool> {
        self.shared.given_up.subscribe()
    }

    /// How often the server has been started again after it had ended by itself.
    pub(super) fn restarts(&self) -> u32 {
        self.shared.lock().restarts
    }

    /// Waits until the server has been started again `restarts` times and takes connections.
    pub(super) fn wait_for_restarts(&self, restarts: u32, patience: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, patience, |state| {
            !(state.ready && state.restarts >= restarts)
        });
        waited.is_ok_and(|(_, timeout)| !timeout.timed_out())
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// A thread that panicked has left nothing half done that matters here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of the thread: start, tell whoever waits, reap, and start again after a crash.
    fn supervise(&self, launch: &Launch, started: &Sender<Result<(), EmbeddedError>>) {
        match self.bring_up(launch) {
            Ok(child) => {
                // Whoever has stopped waiting drops the launcher, and that stops the server.
                drop(started.send(Ok(())));
                self.reap(child);
            }
            Err(error) => {
                drop(started.send(Err(error)));
                return;
            }
        }
        let mut crashes = vec![Instant::now()];
        while !self.lock().stopping {
            crashes.retain(|crash| crash.elapsed() < CRASH_WINDOW);
            if crashes.len() > CRASHES {
                tracing::error!(log = %launch.layout.log.display(), "PostgreSQL crashes again and again: giving up");
                self.given_up.send_replace(true);
                return;
            }
            tracing::warn!("PostgreSQL has ended unexpectedly: starting it again");
            match self.bring_up(launch) {
                Ok(child) => {
                    self.lock().restarts += 1;
                    self.changed.notify_all();
                    self.reap(child);
                }
                Err(error) => {
                    tracing::error!(%error, "PostgreSQL could not be started again");
                    self.pause(Duration::from_secs(1));
                }
            }
            crashes.push(Instant::now());
        }
    }

    /// Spawns the server and waits until it takes connections.
    fn bring_up(&self, launch: &Launch) -> Result<Child, EmbeddedError> {
        processes::clear_remains(&launch.layout)?;
        let mut child = launch.spawn()?;
        let mut state = self.lock();
        state.pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
        if let Some(pid) = state.pid.filter(|_| state.stopping) {
            // Told to stop between the crash and the restart.
            signal_server(pid, Signal::INT);
        }
        drop(state);

        let socket = launch.layout.socket();
        let mut last_sign = Instant::now();
        loop {
            match readiness::ask(&socket) {
                Answer::Ready => break,
                // Recovery after a crash takes as long as it takes.
                Answer::NotYet => last_sign = Instant::now(),
                Answer::Silent => {}
            }
            if let Some(status) = self.reap_if_over(&mut child, launch)? {
                return Err(launch.failure(&status.to_string()));
            }
            if last_sign.elapsed() > SILENCE {
                child.kill().doing("end", &launch.layout.cluster)?;
                self.reap(child);
                return Err(launch.failure("no answer on its socket"));
            }
            self.pause(Duration::from_millis(10));
        }
        self.lock().ready = true;
        self.changed.notify_all();
        Ok(child)
    }

    /// Waits for the end of the server, and only then gives its number back to the system, under the lock: nobody can send a
    /// signal to a process that has taken the number over.
    fn reap(&self, mut child: Child) {
        let pid = self.lock().pid;
        if let Some(pid) = pid {
            let over = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), over) {}
        }
        let mut state = self.lock();
        match child.wait() {
            Ok(status) => tracing::debug!(%status, "PostgreSQL has ended"),
            Err(error) => tracing::error!(%error, "PostgreSQL cannot be waited for"),
        }
        state.pid = None;
        state.ready = false;
        self.changed.notify_all();
    }

    fn reap_if_over(
        &self,
        child: &mut Child,
        launch: &Launch,
    ) -> Result<Option<ExitStatus>, EmbeddedError> {
        let mut state = self.lock();
        let status = child.try_wait().doing("wait for", &launch.layout.cluster)?;
        if status.is_some() {
            state.pid = None;
            self.changed.notify_all();
        }
        Ok(status)
    }

    /// Waits for a while, or until told to stop.
    fn pause(&self, duration: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, duration, |state| !state.stopping));
    }
}

impl Launch {
    fn spawn(&self) -> Result<Child, EmbeddedError> {
        let log = self.open_log()?;
        let errors = log.try_clone().doing("open", &self.layout.log)?;
        // An interrupt is a fast shutdown: sessions end, what was acknowledged is kept.
        self.programs
            .command("postgres", Signal::INT)
            .args(settings::arguments(&self.layout, self.max_connections))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // A group of its own: Ctrl-C reaches us first, and we stop it when its users have let go.
            .process_group(0)
            .spawn()
            .doing("run", &self.programs.dir.join("postgres"))
    }

    /// Opens the server's log for appending; a long one is put aside first, so that there are two at most.
    fn open_log(&self) -> Result<File, EmbeddedError> {
        let path = &self.layout.log;
        if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT) {
            fs::rename(path, path.with_extension("log.1")).doing("rename", path)?;
        }
        fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).doing("open", path)
    }

    fn failure(&self, what: &str) -> EmbeddedError {
        let log = fs::read(&self.layout.log).unwrap_or_default();
        let end = cluster::last_lines(&String::from_utf8_lossy(&log));
        EmbeddedError::Start { detail: format!("{what}: {end}"), log: self.layout.log.clone() }
    }
}

/// The server may have ended in this very moment; then nobody needs the signal.
fn signal_server(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process(pid, signal) {
        tracing::debug!(%error, "signal not delivered to PostgreSQL");
    }
}
