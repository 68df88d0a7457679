//! One event as a file carries it: every column of its row, payload and metadata as the very text
//! that was stored.

use anyhow::Context as _;
use chrono::DateTime;
use daybook_domain::{
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{document::hexed, merkle::Hash};

/// The fields in the order in which the chain hashes them (README of `migrations`), then the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// Whose event it is.
    pub tenant_id: Uuid,
    /// Its place in the tenant's history.
    pub position: u64,
    /// The type of its stream.
    pub aggregate_type: String,
    /// The id of its stream.
    pub aggregate_id: String,
    /// Its place in the stream.
    pub sequence: u64,
    /// Its own id.
    pub event_id: Uuid,
    /// Such as `appointment.booked`.
    pub event_type: String,
    /// Such as `1.0.0`.
    pub event_version: String,
    /// The event: JSON text, byte for byte as it was stored.
    pub payload: String,
    /// Who, when, in which thread: JSON text, byte for byte as it was stored.
    pub metadata: String,
    /// When the log took it: microseconds since 1970-01-01T00:00:00Z.
    pub recorded_at_micros: i64,
    /// `sha256(hash of the event before || canonical bytes of this one)`.
    #[serde(with = "hexed")]
    pub hash: Hash,
}

impl From<&RecordedEvent> for EventRecord {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            tenant_id: event.tenant.uuid(),
            position: event.position.0,
            aggregate_type: event.stream.aggregate_type.to_string(),
            aggregate_id: event.stream.aggregate_id.to_string(),
            sequence: event.revision.0,
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            payload: event.payload.clone(),
            metadata: event.metadata.clone(),
            recorded_at_micros: event.recorded_at.timestamp_micros(),
            hash: event.hash,
        }
    }
}

impl TryFrom<EventRecord> for RecordedEvent {
    type Error = anyhow::Error;

    fn try_from(record: EventRecord) -> anyhow::Result<Self> {
        let recorded_at = DateTime::from_timestamp_micros(record.recorded_at_micros);
        Ok(Self {
            tenant: TenantId::new(record.tenant_id),
            position: Position(record.position),
            stream: StreamId::new(record.aggregate_type, record.aggregate_id),
            revision: Revision(record.sequence),
            event_id: record.event_id,
            event_type: record.event_type,
            event_version: record.event_version,
            payload: record.payload,
            metadata: record.metadata,
            recorded_at: recorded_at.with_context(|| {
                format!("position {}: recorded_at_micros is no instant", record.position)
            })?,
            hash: record.hash,
        })
    }
}
