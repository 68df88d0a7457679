//! How far a rebuild is, how fast, and how long it will take; for a person who sits before it.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use daybook_projections::aside::Progress;

/// Shows where a command stands, on standard error.
pub(super) struct Bar {
    began: Instant,
    is_seen: bool,
}

/// What stands before a command that goes over several tenants.
#[derive(Clone, Copy)]
pub(super) struct Course {
    /// Which tenant it is, from 1 on.
    pub(super) tenant: usize,
    /// How many there are.
    pub(super) tenants: usize,
    /// Events of what is done, once per read model.
    pub(super) before: u64,
    /// Events of all of it, once per read model.
    pub(super) events: u64,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), is_seen: stderr().is_terminal() }
    }

    /// Shows how far a read model is, and with it the whole course.
    pub(super) fn show(&self, name: &str, at: Progress, course: Option<Course>) {
        if self.is_seen {
            // Nobody may be looking any more: the work goes on.
            let line = line(name, at, course, self.began.elapsed());
            let _written = write!(stderr(), "\r{line}   ");
        }
    }

    /// Leaves the line.
    pub(super) fn end(&self) {
        if self.is_seen {
            let _written = writeln!(stderr());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are for people")]
fn line(name: &str, at: Progress, course: Option<Course>, took: Duration) -> String {
    let (position, head) = (at.position.0, at.head.0);
    let (which, passed, events) = match course {
        None => (String::new(), position, head),
        Some(Course { tenant, tenants, before, events }) => {
            (format!("tenant {tenant} of {tenants}, "), before + position, events)
        }
    };
    // The histories grow on the way.
    let events = events.max(passed).max(1);
    let rate = passed as f64 / took.as_secs_f64().max(0.001);
    let left_s = (events - passed) as f64 / rate.max(1.0);
    let percent = 100 * passed / events;
    format!("{which}{name}: {percent:>3} % of {events} events, {rate:.0}/s, {left_s:.0} s left")
}

#[cfg(test)]
mod tests {
    use daybook_domain::event_log::Position;

    use super::*;

    const AT: Progress = Progress { position: Position(500), head: Position(1000) };
    const TOOK: Duration = Duration::from_secs(5);

    #[test]
    fn a_read_model_is_told_by_its_own_history() {
        let told = line("appointments", AT, None, TOOK);
        assert_eq!(told, "appointments:  50 % of 1000 events, 100/s, 5 s left");
    }

    #[test]
    fn a_course_over_tenants_is_told_by_all_their_histories() {
        let course = Course { tenant: 3, tenants: 40, before: 1500, events: 10_000 };
        let told = line("customers", AT, Some(course), TOOK);
        assert_eq!(told, "tenant 3 of 40, customers:  20 % of 10000 events, 400/s, 20 s left");
    }

    #[test]
    fn a_history_that_grows_meanwhile_never_comes_to_more_than_all_of_it() {
        let course = Course { tenant: 1, tenants: 1, before: 0, events: 400 };
        let told = line("directory", AT, Some(course), TOOK);
        assert_eq!(told, "tenant 1 of 1, directory: 100 % of 500 events, 100/s, 0 s left");
    }
}
