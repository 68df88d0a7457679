//! A process to kill: this very test binary, started again to run a server until it is told to stop or dies.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

const ROLE: &str = "DAYBOOK_TEST_VICTIM_DATA_DIR";

/// The running victim.
pub(super) struct Victim {
    child: Child,
    /// Kept open: the test harness in the victim still has its verdict to print.
    _output: BufReader<ChildStdout>,
    /// The postmaster that it has started.
    pub(super) server: u32,
}

/// Plays the victim if this process is one. A test that uses victims begins with this, and returns when it is true.
pub(super) fn is_played() -> bool {
    let Some(dir) = env::var_os(ROLE) else { return false };
    let server = super::start(Path::new(&dir));
    let line = format!("serving {}\n", server.pid().unwrap());
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    server.stop();
    true
}

impl Victim {
    /// Starts this binary again with `test` alone, which must begin with [`is_played`].
    pub(super) fn spawn<F: Fn()>(test: F, dir: &Path) -> Self {
        let name = std::any::type_name_of_val(&test).split_once("::").unwrap().1;
        let mut child = Command::new(env::current_exe().unwrap())
            .args([name, "--exact"])
            .env(ROLE, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let server = output
            .by_ref()
            .lines()
            .find_map(|line| line.unwrap().split_once("serving ")?.1.parse().ok())
            .expect("the victim started its server");
        Self { child, _output: output, server }
    }

    /// `kill -9`, which lets no destructor run.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends the victim in order.
    pub(super) fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}
