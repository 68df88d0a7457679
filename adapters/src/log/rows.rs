//! Rows of the log as events, and failures of the database as failures of the log.

use daybook_domain::{
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
    ports::LogError,
};
use sqlx::{Row as _, postgres::PgRow};

/// The columns of an event, wherever a query has them.
pub(crate) struct EventColumns {
    pub(crate) position: &'static str,
    pub(crate) sequence: &'static str,
}

/// As in the table.
pub(crate) const PLAIN: EventColumns = EventColumns { position: "position", sequence: "sequence" };
/// As in the answer of the append, where `position` would mean two things.
pub(crate) const PREFIXED: EventColumns =
    EventColumns { position: "event_position", sequence: "event_sequence" };

/// The event in a row that belongs to a known stream.
pub(crate) fn event(
    row: &PgRow,
    columns: &EventColumns,
    tenant: TenantId,
    stream: StreamId,
) -> Result<RecordedEvent, LogError> {
    let decoded = || -> Result<_, sqlx::Error> {
        Ok((
            row.try_get::<i64, _>(columns.position)?,
            row.try_get::<i64, _>(columns.sequence)?,
            RecordedEvent {
                tenant,
                position: Position(0),
                stream,
                revision: Revision(0),
                event_id: row.try_get("event_id")?,
                event_type: row.try_get("event_type")?,
                event_version: row.try_get("event_version")?,
                // The binary form of json is its text.
                payload: row.try_get_unchecked("payload")?,
                metadata: row.try_get_unchecked("metadata")?,
                recorded_at: row.try_get("recorded_at")?,
                hash: hash(row.try_get("hash")?)?,
            },
        ))
    };
    let (position, sequence, event) = decoded().map_err(unreadable)?;
    Ok(RecordedEvent {
        position: Position(count(position)?),
        revision: Revision(count(sequence)?),
        ..event
    })
}

/// The stream in a row of `log.events`.
pub(crate) fn stream(row: &PgRow) -> Result<StreamId, LogError> {
    let aggregate_type: String = row.try_get("aggregate_type").map_err(unreadable)?;
    let aggregate_id: &str = row.try_get("aggregate_id").map_err(unreadable)?;
    Ok(StreamId::new(aggregate_type, aggregate_id))
}

/// A hash as the database keeps it.
pub(crate) fn hash(bytes: &[u8]) -> Result<[u8; 32], sqlx::Error> {
    bytes.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A count that cannot be negative.
pub(crate) fn count(number: i64) -> Result<u64, LogError> {
    u64::try_from(number).map_err(|_negative| LogError::Damaged(format!("a count of {number}")))
}

/// The row is not what the schema promises.
pub(crate) fn unreadable(error: sqlx::Error) -> LogError {
    LogError::Damaged(format!("a row cannot be read: {error}"))
}

/// The statement failed.
pub(crate) fn unavailable(error: sqlx::Error) -> LogError {
    LogError::Unavailable(Box::new(error))
}
