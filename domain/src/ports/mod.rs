//! What the domain needs from the outside, as traits with plain types and errors by reaction.

mod event_log;

pub use event_log::{AppendError, EventLog, LogError, StoredAnswer};
