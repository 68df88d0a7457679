//! The hash chain: the same bytes as `log.canonical` in the database. The README of `migrations`
//! documents them.

use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
};
use ring::digest::{Context, SHA256};
use uuid::Uuid;

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

/// By ring, whose assembly takes half the time of portable code where the processor has no
/// instructions for SHA-2: verifying a history is mostly hashing.
fn next_hash(previous: &[u8; 32], canonical: &str) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(previous);
    digest.update(canonical.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    hash
}

/// Writes the canonical bytes of an event into `buffer`, which is cleared first.
fn canonical(event: &RecordedEvent, buffer: &mut String) {
    buffer.clear();
    let mut hyphenated = Uuid::encode_buffer();
    field(buffer, event.tenant.uuid().hyphenated().encode_lower(&mut hyphenated));
    number(buffer, event.position.0);
    field(buffer, &event.stream.aggregate_type);
    field(buffer, &event.stream.aggregate_id);
    number(buffer, event.revision.0);
    field(buffer, event.event_id.hyphenated().encode_lower(&mut hyphenated));
    field(buffer, &event.event_type);
    field(buffer, &event.event_version);
    field(buffer, &event.payload);
    field(buffer, &event.metadata);
    number(buffer, event.recorded_at.timestamp_micros());
}

fn field(buffer: &mut String, text: &str) {
    buffer.push_str(itoa::Buffer::new().format(text.len()));
    buffer.push(':');
    buffer.push_str(text);
    buffer.push(',');
}

fn number(buffer: &mut String, number: impl itoa::Integer) {
    field(buffer, itoa::Buffer::new().format(number));
}
