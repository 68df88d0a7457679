//! The program as a process of its own, so that it can be killed. It is the test binary itself, run
//! again for its test `faults::child`.

use std::{
    env,
    ffi::OsString,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Carries the arguments of the program, one per line.
const ARGUMENTS: &str = "DAYBOOK_CHILD_ARGUMENTS";

/// What the test `faults::child` does: the program, if this process was started for it.
pub fn main() -> Option<ExitCode> {
    let arguments = env::var(ARGUMENTS).ok()?;
    Some(daybook_api::program::run(arguments.lines().map(OsString::from)))
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    data_dir: PathBuf,
    /// Where it answers.
    pub base: String,
    /// A key of the demo tenant.
    pub key: String,
}

impl Program {
    /// Starts the demo in a data directory and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn demo(data_dir: &Path) -> Self {
        let data = data_dir.display();
        let arguments = format!("daybook\ndemo\n--listen\n127.0.0.1:0\n--data-dir\n{data}");
        let started = Self::start(&arguments, data_dir, &[]);
        started.unwrap_or_else(|| panic!("the program did not become ready"))
    }

    /// Starts the server on a database, and waits until it is ready; `None` if the database is not.
    pub fn serve(database_url: &str, master_key: &str) -> Option<Self> {
        let variables = [("DATABASE_URL", database_url), ("DAYBOOK_MASTER_KEY", master_key)];
        let arguments = "daybook\nserve\n--listen\n127.0.0.1:0";
        Self::start(arguments, Path::new(""), &variables)
    }

    /// Starts the server on a database where it cannot serve, and answers how it ended and what it said.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn fails_to_serve(database_url: &str, master_key: &str) -> (ExitStatus, String) {
        let variables = [("DATABASE_URL", database_url), ("DAYBOOK_MASTER_KEY", master_key)];
        let arguments = "daybook\nserve\n--listen\n127.0.0.1:0";
        let ended = command(arguments, &variables).output();
        let ended = ended.unwrap_or_else(|error| panic!("the program cannot be started: {error}"));
        (ended.status, String::from_utf8_lossy(&ended.stderr).into_owned())
    }

    fn start(arguments: &str, data_dir: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        let mut child = command(arguments, variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("the program cannot be started: {error}"));
        let stdout = child.stdout.take().map(BufReader::new);
        let mut lines = stdout.into_iter().flat_map(BufReader::lines).map_while(Result::ok);
        let ready = lines.find_map(|line| {
            // The test harness begins the line.
            let (_, ready) = line.split_once("ready ")?;
            let (base, key) = ready.split_once(" key=").unwrap_or((ready, ""));
            Some((base.to_owned(), key.to_owned()))
        });
        let Some((base, key)) = ready else {
            drop(child.kill());
            drop(child.wait());
            return None;
        };
        // Nobody reads on: what else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, data_dir: data_dir.to_owned(), base, key })
    }

    /// Kills it without a warning, and waits until it is gone.
    pub fn kill(mut self) {
        self.kill_now();
    }

    fn kill_now(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let (flag, process) = (format!("-{name}"), self.child.id().to_string());
        let sent = Command::new("kill").args([flag, process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal was sent");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended, and whether it ended well.
    pub fn succeeded(&mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// The processes of its PostgreSQL, the first of which is the postmaster.
    pub fn postgres_processes(&self) -> Vec<u32> {
        let file = self.data_dir.join("pg/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let Some(postmaster) = text.lines().next().and_then(|line| line.trim().parse().ok()) else {
            return Vec::new();
        };
        let mut processes = vec![postmaster];
        processes.extend(children_of(postmaster));
        processes
    }

    /// Kills its PostgreSQL without a warning, the postmaster first, and waits until it is gone.
    ///
    /// # Panics
    /// When there is none.
    pub fn kill_postgres(&self) {
        let processes = self.postgres_processes();
        assert!(1 < processes.len(), "no PostgreSQL runs");
        kill_all(&processes);
    }

    /// Kills its PostgreSQL as soon as it runs, for as long as the program starts it again.
    pub fn keep_killing_postgres(&mut self) {
        while self.is_running() {
            kill_all(&self.postgres_processes());
        }
    }
}

fn command(arguments: &str, variables: &[(&str, &str)]) -> Command {
    let binary = env::current_exe().unwrap_or_else(|error| panic!("no binary: {error}"));
    let mut command = Command::new(binary);
    command
        .args(["faults::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ARGUMENTS, arguments)
        .env("DAYBOOK_RATE_LIMIT_FACTOR", "0")
        .env("RUST_LOG", "off")
        .env_remove("DATABASE_URL")
        .envs(variables.iter().copied());
    command
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill_now();
    }
}

/// Status fields of a process: its state and its parent.
fn status(process: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in parentheses and may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn kill_all(processes: &[u32]) {
    for process in processes.iter().filter(|process| is_alive(**process)) {
        drop(Command::new("kill").args(["-9", &process.to_string()]).status());
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while processes.iter().any(|process| is_alive(*process)) {
        assert!(Instant::now() < deadline, "PostgreSQL does not die");
        std::thread::yield_now();
    }
}

fn is_alive(process: u32) -> bool {
    status(process).is_some_and(|(state, _)| state != 'Z')
}

fn children_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| status(*process).is_some_and(|(_, of)| of == parent)).collect()
}
