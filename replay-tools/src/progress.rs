//! How far a long command is: on standard error, and only for a person who sits before it.

use std::io::{IsTerminal as _, Write as _, stderr};

/// Lines between two signs of life.
const STEP: u64 = 10_000;

/// Counts, and says so now and then.
pub(crate) struct Progress {
    what: &'static str,
    done: u64,
    shown: u64,
    is_seen: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, done: 0, shown: 0, is_seen: stderr().is_terminal() }
    }

    pub(crate) fn add(&mut self, count: u64) {
        self.done += count;
        if self.is_seen && STEP <= self.done - self.shown {
            self.shown = self.done;
            // Nobody may be looking any more: the work goes on.
            let _written = write!(stderr(), "\r{} {}", self.done, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown != 0 {
            let _written = writeln!(stderr());
        }
    }
}
