//! How far a rebuild is, how fast, and how long it will take; for a person who sits before it.

use daybook_projections::aside::Progress;
use indicatif::ProgressBar;

use crate::progress::style;

/// Shows where a command stands, on standard error.
pub(super) struct Bar(ProgressBar);

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
        let template =
            "{msg}: {percent:>3} % of {human_len} events, {per_sec}, {eta} left {bar:20}";
        Self(ProgressBar::new(0).with_style(style(template)))
    }

    /// Shows how far a read model is, and with it the whole course.
    pub(super) fn show(&self, name: &str, at: Progress, course: Option<Course>) {
        let (what, passed, events) = stand(name, at, course);
        let is_first = self.0.length() == Some(0);
        self.0.set_length(events);
        self.0.set_message(what);
        self.0.set_position(passed);
        if is_first {
            // What an earlier run has done says nothing of how fast this one is.
            self.0.reset_eta();
        }
    }

    /// Leaves the line as it is.
    pub(super) fn end(&self) {
        self.0.abandon();
    }
}

/// What is shown: of which read model, how many events are done, and of how many.
fn stand(name: &str, at: Progress, course: Option<Course>) -> (String, u64, u64) {
    let (position, head) = (at.position.0, at.head.0);
    let (what, passed, events) = match course {
        None => (name.to_owned(), position, head),
        Some(Course { tenant, tenants, before, events }) => {
            (format!("tenant {tenant} of {tenants}, {name}"), before + position, events)
        }
    };
    // The histories grow on the way.
    (what, passed, events.max(passed).max(1))
}

#[cfg(test)]
mod tests {
    use daybook_domain::event_log::Position;

    use super::*;

    const AT: Progress = Progress { position: Position(500), head: Position(1000) };

    #[test]
    fn a_read_model_is_told_by_its_own_history() {
        assert_eq!(stand("appointments", AT, None), ("appointments".to_owned(), 500, 1000));
    }

    #[test]
    fn a_course_over_tenants_is_told_by_all_their_histories() {
        let course = Course { tenant: 3, tenants: 40, before: 1500, events: 10_000 };
        let told = stand("customers", AT, Some(course));
        assert_eq!(told, ("tenant 3 of 40, customers".to_owned(), 2000, 10_000));
    }

    #[test]
    fn a_history_that_grows_meanwhile_never_comes_to_more_than_all_of_it() {
        let course = Course { tenant: 1, tenants: 1, before: 0, events: 400 };
        assert_eq!(stand("directory", AT, Some(course)).2, 500);
    }
}
