//! The hash chain: the same bytes as `log.canonical` in the database. The README of `migrations`
//! documents them.

use std::fmt::Write as _;

use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
};
use sha2::{Digest as _, Sha256};

/// What stands before a tenant's first event.
pub const GENESIS: [u8; 32] = [0; 32];

/// Where a chain is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A position is missing, repeated or out of order.
    #[error("position {expected} is missing: position {found} comes next")]
    Gap {
        /// What should have come.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// The event does not have the hash that its bytes and the event before it give.
    #[error("the event at position {0} is not what was appended")]
    Altered(Position),
    /// The event is another tenant's.
    #[error("the event at position {0} belongs to another tenant")]
    Foreign(Position),
}

/// Checks events that follow each other in one tenant's history, from the position and hash
/// before them, and answers the position and hash that they end at.
pub fn verify_chain<'e>(
    tenant: TenantId,
    from: (Position, [u8; 32]),
    events: impl IntoIterator<Item = &'e RecordedEvent>,
) -> Result<(Position, [u8; 32]), ChainError> {
    let (mut position, mut hash) = from;
    let mut buffer = String::new();
    for event in events {
        let expected = Position(position.0 + 1);
        if event.position != expected {
            return Err(ChainError::Gap { expected, found: event.position });
        }
        if event.tenant != tenant {
            return Err(ChainError::Foreign(event.position));
        }
        canonical(event, &mut buffer);
        if next_hash(&hash, &buffer) != event.hash {
            return Err(ChainError::Altered(event.position));
        }
        (position, hash) = (event.position, event.hash);
    }
    Ok((position, hash))
}

/// The hash of an event whose own `hash` is not set yet.
pub(crate) fn hash_after(previous: &[u8; 32], event: &RecordedEvent) -> [u8; 32] {
    let mut buffer = String::new();
    canonical(event, &mut buffer);
    next_hash(previous, &buffer)
}

fn next_hash(previous: &[u8; 32], canonical: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(canonical).finalize().into()
}

/// Writes the canonical bytes of an event into `buffer`, which is cleared first.
fn canonical(event: &RecordedEvent, buffer: &mut String) {
    buffer.clear();
    field(buffer, &event.tenant.to_string());
    field(buffer, &event.position.to_string());
    field(buffer, &event.stream.aggregate_type);
    field(buffer, &event.stream.aggregate_id);
    field(buffer, &event.revision.to_string());
    field(buffer, &event.event_id.hyphenated().to_string());
    field(buffer, &event.event_type);
    field(buffer, &event.event_version);
    field(buffer, &event.payload);
    field(buffer, &event.metadata);
    field(buffer, &event.recorded_at.timestamp_micros().to_string());
}

fn field(buffer: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _written = write!(buffer, "{}:{text},", text.len());
}
