//! What an append must be before any log looks at it.

use std::collections::HashSet;

use daybook_domain::{event_log::Append, ports::LogError};

/// What unsealed personal data looks like in JSON text. It cannot stand inside a string, where the
/// quotes would be escaped.
pub(crate) const UNSEALED: &str = "\"$personal\":";

/// Refuses what no log may take: nothing to write, a stream twice, unsealed personal data.
pub(crate) fn check(append: &Append) -> Result<(), LogError> {
    if append.writes.is_empty() && append.command.is_none() {
        return Err(malformed("it writes nothing and answers no command"));
    }
    let mut seen = HashSet::new();
    let streams = append.writes.iter().map(|write| &write.stream);
    for stream in streams.chain(append.unchanged.iter().map(|(stream, _)| stream)) {
        if !seen.insert(stream) {
            return Err(LogError::Malformed(format!("it names {stream} twice")));
        }
    }
    for write in &append.writes {
        if write.events.is_empty() {
            return Err(LogError::Malformed(format!("it writes no event to {}", write.stream)));
        }
        for event in &write.events {
            if event.payload.contains(UNSEALED) || event.metadata.contains(UNSEALED) {
                return Err(malformed("it carries personal data that nobody sealed"));
            }
        }
    }
    Ok(())
}

fn malformed(what: &str) -> LogError {
    LogError::Malformed(what.to_owned())
}
