//! What would have been: a history decided again, as it was and under changes.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod faithful;
mod program;
mod stories;
