//! The vocabulary of the log: streams, revisions, positions, events before and after the append.
//!
//! A *revision* is an event's place in its stream, a *position* its place in its tenant's history.
//! Both start at 1 and have no gaps; 0 means "nothing yet".

use std::{borrow::Cow, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::TenantId;

/// An event's place in its tenant's history: gapless, in commit order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

/// An event's place in its stream: gapless, from 1. A stream without events is at revision 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One aggregate's events: its type and its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The aggregate's type, such as `appointment`.
    pub aggregate_type: Cow<'static, str>,
    /// The aggregate's id: a UUID, or what the aggregate's documentation says.
    pub aggregate_id: Arc<str>,
}

impl StreamId {
    /// The stream of one aggregate.
    pub fn new(
        aggregate_type: impl Into<Cow<'static, str>>,
        aggregate_id: impl Into<Arc<str>>,
    ) -> Self {
        Self { aggregate_type: aggregate_type.into(), aggregate_id: aggregate_id.into() }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.aggregate_id)
    }
}

/// What an append expects of a stream that it writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedRevision {
    /// Whatever is there.
    Any,
    /// The stream has no events.
    NoStream,
    /// The stream stands at exactly this revision.
    Exactly(Revision),
    /// The stream stands at exactly this revision, and its last event is this very one. For a
    /// decision on events that were not confirmed yet: should another event have taken their place,
    /// the revision alone would not tell.
    After(Revision, Uuid),
}

impl ExpectedRevision {
    /// The revision that is expected, if one is.
    pub const fn revision(self) -> Option<Revision> {
        match self {
            Self::Any => None,
            Self::NoStream => Some(Revision(0)),
            Self::Exactly(revision) | Self::After(revision, _) => Some(revision),
        }
    }

    /// Whether a stream at a revision, with this last event, is as expected.
    pub fn holds(self, revision: Revision, last_event: Option<Uuid>) -> bool {
        let is_last = match self {
            Self::After(_, event_id) => last_event == Some(event_id),
            Self::Any | Self::NoStream | Self::Exactly(_) => true,
        };
        is_last && self.revision().is_none_or(|expected| expected == revision)
    }
}

/// An event before the append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventData {
    /// The event's own id, made by the caller's id source.
    pub event_id: Uuid,
    /// Such as `appointment.booked`.
    pub event_type: Cow<'static, str>,
    /// Such as `1.0.0`.
    pub event_version: Cow<'static, str>,
    /// The event as JSON text. It is stored as it stands, never rewritten.
    pub payload: String,
    /// [`Metadata`] as JSON text: a flat map of strings.
    pub metadata: Arc<str>,
}

/// What one append adds to one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamWrite {
    /// The stream.
    pub stream: StreamId,
    /// Where it must stand.
    pub expected: ExpectedRevision,
    /// The events, in order; at least one.
    pub events: Vec<EventData>,
}

/// The command that an append answers, so that a repeated command gets the first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// The client's idempotency key, unique within the tenant.
    pub key: String,
    /// A keyed hash of the request: the same key with another request is refused.
    pub request_hash: [u8; 32],
    /// The answer as JSON text.
    pub result: String,
}

/// One atomic append: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Whose history grows.
    pub tenant: TenantId,
    /// The command that is answered with it, if the client gave a key.
    pub command: Option<CommandRecord>,
    /// The writes, each stream once; positions follow this order.
    pub writes: Vec<StreamWrite>,
    /// Streams that were only read and must still stand where they stood.
    pub unchanged: Vec<(StreamId, Revision)>,
}

/// What became of an append that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The events are durable; `position` is that of the last one.
    New {
        /// The position of the last event of the append.
        position: Position,
    },
    /// The command was answered before: this is the first answer. Nothing was written.
    Repeated {
        /// The position that the first answer rested on.
        position: Position,
        /// The stored answer as JSON text.
        result: String,
    },
}

/// An event as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Whose event it is.
    pub tenant: TenantId,
    /// Its place in the tenant's history.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its own id.
    pub event_id: Uuid,
    /// Such as `appointment.booked`.
    pub event_type: String,
    /// Such as `1.0.0`.
    pub event_version: String,
    /// The event as JSON text, byte for byte as it was appended.
    pub payload: String,
    /// [`Metadata`] as JSON text, byte for byte as it was appended.
    pub metadata: String,
    /// When the log took it; never earlier than the event before it (microseconds).
    pub recorded_at: DateTime<Utc>,
    /// `sha256(hash of the event before || canonical bytes of this event)`.
    pub hash: [u8; 32],
}

impl RecordedEvent {
    /// Who asked for it, when and in which thread.
    pub fn metadata(&self) -> Result<Metadata, serde_json::Error> {
        serde_json::from_str(&self.metadata)
    }

    /// Whether its aggregate type, such as `appointment`, or its own type, such as `customer.erased`,
    /// is among some.
    pub fn is_of(&self, types: &[&str]) -> bool {
        types.iter().any(|it| *it == self.stream.aggregate_type || *it == self.event_type)
    }

    /// Whether its type is among `names`: whole, such as `appointment.booked`, or a beginning such
    /// as `appointment.*`. No names mean every type.
    pub fn is_one_of(&self, names: &[String]) -> bool {
        let is = |name: &String| match name.strip_suffix('*') {
            Some(beginning) => self.event_type.starts_with(beginning),
            None => self.event_type == *name,
        };
        names.is_empty() || names.iter().any(is)
    }
}

/// The events of one stream after a revision, and where the stream stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTail {
    /// The stream.
    pub stream: StreamId,
    /// Where it stands.
    pub revision: Revision,
    /// The events after the revision that was asked for, in order.
    pub events: Vec<RecordedEvent>,
}

/// Where a tenant's history stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The tenant.
    pub tenant: TenantId,
    /// The position of the last event; 0 when there is none.
    pub position: Position,
    /// The hash of the last event; zeros when there is none.
    pub hash: [u8; 32],
}

/// Who asked for an event, when and in which thread. Flat strings, so that any cqrs-es store can
/// read it. It never holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Who: `key:<id>`, `user:<id>`, `system:<what>`.
    pub actor: String,
    /// The command's own time, RFC 3339. The decision was made for this instant.
    pub at: DateTime<Utc>,
    /// The thread that this event belongs to: the request that began it.
    pub correlation_id: String,
    /// What caused it directly: a request id or an event id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The surface it came through: `api`, `phone`, `console`, `import`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What the actor was called then, such as the name of the API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// For whom the client acted: see [`crate::dispatch::OnBehalfOf`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

impl Metadata {
    /// Of an actor without a name that acts for nobody else.
    pub fn new(
        actor: impl Into<String>,
        at: DateTime<Utc>,
        correlation_id: impl Into<String>,
    ) -> Self {
        Self {
            actor: actor.into(),
            at,
            correlation_id: correlation_id.into(),
            causation_id: None,
            source: None,
            actor_name: None,
            on_behalf_of: None,
        }
    }
}
