//! How far a long command is: on standard error, and only for a person who sits before it.

use indicatif::{ProgressBar, ProgressStyle};

/// A style by its template; that of the library, should it not understand it.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_not_one| ProgressStyle::default_bar())
}

/// Counts, and says so now and then.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(what);
        Self(bar.with_style(style("{human_pos} {msg}, {per_sec}")))
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.inc(count);
    }
}

impl Drop for Progress {
    /// What was counted stays on the screen.
    fn drop(&mut self) {
        self.0.abandon();
    }
}
