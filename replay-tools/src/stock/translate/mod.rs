//! One event of a stock system as Daybook would have written it.
//!
//! The payload is read with the code of today and written anew, so that the log holds one spelling
//! and current versions only. What would be lost by that is a fault: a field that Daybook does not
//! know may be a phone number in clear.

use chrono::{DateTime, Utc};
use cqrs_es::persist::SerializedEvent;
use daybook_domain::{
    aggregate::DecodeError,
    event_log::{EventData, Metadata},
    ids::TenantId,
    registry::{self, EventText, RegistryError},
    tenant::Tenant,
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// How events are understood.
pub(super) struct Rules {
    pub(super) tenant: TenantId,
    /// The field of the metadata with the instant.
    pub(super) instant: Option<String>,
    /// The field of the metadata with the actor.
    pub(super) actor: Option<String>,
    /// When the import is.
    pub(super) now: DateTime<Utc>,
    /// The thread of events that have none of their own.
    pub(super) thread: String,
}

/// An event that can be written.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) event: EventData,
    /// When it happened.
    pub(super) at: DateTime<Utc>,
    pub(super) is_personal: bool,
    /// Fields of its metadata that have no place.
    pub(super) unplaced: Vec<String>,
}

impl Rules {
    /// The event for the log, or what is wrong with it; without any value of it.
    pub(super) fn translate(&self, event: &SerializedEvent) -> Result<Translated, String> {
        let is_tenant = event.aggregate_type == cqrs_es_type();
        if is_tenant && event.aggregate_id != self.tenant.to_string() {
            return Err("the stream of a tenant has the tenant's own id".to_owned());
        }
        let (payload, version) = written_anew(event)?;
        if payload.contains("\"$sealed\":") {
            return Err("it is sealed by another vault, whose keys are not here".to_owned());
        }
        let (metadata, at, unplaced) = self.metadata(event)?;
        let name = format!("{}/{}/{}", event.aggregate_type, event.aggregate_id, event.sequence);
        let metadata =
            serde_json::to_string(&metadata).map_err(|_never| "its metadata are no JSON")?;
        Ok(Translated {
            is_personal: payload.contains("\"$personal\":"),
            event: EventData {
                // The same event has the same id however often it is brought in.
                event_id: Uuid::new_v5(&self.tenant.uuid(), name.as_bytes()),
                event_type: event.event_type.clone().into(),
                event_version: version.into(),
                payload,
                metadata: metadata.into(),
            },
            at,
            unplaced,
        })
    }

    fn metadata(
        &self,
        event: &SerializedEvent,
    ) -> Result<(Metadata, DateTime<Utc>, Vec<String>), String> {
        let fields = event.metadata.as_object().ok_or("its metadata are no object")?;
        let mut used: Vec<&str> = Vec::new();
        let at = match &self.instant {
            None => self.now,
            Some(field) => {
                used.push(field);
                let at = instant(fields, field)
                    .ok_or_else(|| format!("its metadata have no instant in `{field}`"))?;
                if self.now < at {
                    return Err(format!("the instant in `{field}` lies ahead"));
                }
                at
            }
        };
        let mut id = |field: &'static str| {
            let id = text(fields, field).filter(|id| is_id(id));
            used.extend(id.map(|_| field));
            id.map(str::to_owned)
        };
        let (correlation_id, causation_id) = (id("correlation_id"), id("causation_id"));
        let actor = match &self.actor {
            Some(field) => text(fields, field).map(|actor| {
                used.push(field);
                if is_actor(actor) { actor.to_owned() } else { format!("user:{actor}") }
            }),
            None => text(fields, "actor").filter(|actor| is_actor(actor)).map(|actor| {
                used.push("actor");
                actor.to_owned()
            }),
        };
        let actor = actor.unwrap_or_else(|| "system:import".to_owned());
        if !is_actor(&actor) {
            return Err("who did it is no id: letters, digits, `:`, `.`, `_` and `-`".to_owned());
        }
        // The command's own time, if it is told apart from when the event was recorded.
        let own = instant(fields, "at");
        used.extend(own.map(|_| "at"));
        let metadata = Metadata {
            actor,
            at: own.unwrap_or(at),
            correlation_id: correlation_id.unwrap_or_else(|| self.thread.clone()),
            causation_id,
            source: Some("import".to_owned()),
            actor_name: None,
            on_behalf_of: None,
        };
        let unplaced =
            fields.keys().filter(|key| !used.contains(&key.as_str()) && *key != "source");
        Ok((metadata, at, unplaced.cloned().collect()))
    }
}

/// The type of the streams of tenants.
const fn cqrs_es_type() -> &'static str {
    daybook_domain::aggregate::cqrs_type::<Tenant>()
}

fn text<'m>(fields: &'m Map<String, Value>, field: &str) -> Option<&'m str> {
    fields.get(field).and_then(Value::as_str)
}

fn instant(fields: &Map<String, Value>, field: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text(fields, field)?).ok()?;
    // The log counts microseconds.
    DateTime::from_timestamp_micros(at.timestamp_micros())
}

/// An id names nobody by itself: no blanks, no `@`.
fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":._-".contains(&byte);
    !text.is_empty() && text.len() <= 200 && text.bytes().all(is_plain)
}

/// `key:<id>`, `user:<id>`, `system:<what>`.
fn is_actor(text: &str) -> bool {
    let id = ["key:", "user:", "system:"].iter().find_map(|kind| text.strip_prefix(kind));
    id.is_some_and(is_id)
}

/// The payload as Daybook writes it today, and the version of that.
fn written_anew(event: &SerializedEvent) -> Result<(String, &'static str), String> {
    let aggregate = registry::find(&event.aggregate_type).ok_or("its aggregate is unknown")?;
    let kinds = aggregate.kinds.iter();
    let (_, current) = kinds
        .copied()
        .find(|(kind, _)| *kind == event.event_type)
        .ok_or("its type is unknown to the aggregate")?;
    let original = EventText {
        event_type: event.event_type.clone(),
        event_version: event.event_version.clone(),
        payload: event.payload.to_string(),
    };
    let payload = aggregate.reencode(&original).map_err(|error| told(&error))?;
    if event.event_version == current {
        let written: Value = serde_json::from_str(&payload).map_err(|_never| "it is no JSON")?;
        if let Some(path) = lost(&event.payload, &written) {
            return Err(format!("its field `{path}` is unknown and would be lost"));
        }
    }
    Ok((payload, current))
}

/// What the decoder says, without what it quotes.
fn told(error: &RegistryError) -> String {
    let RegistryError::Undecodable(error) = error else { return "it is no JSON".to_owned() };
    match error {
        DecodeError::Shape { source, .. } => {
            let said = source.to_string();
            // Names of fields are ours; other texts of serde quote values.
            let missing = said.strip_prefix("missing field ").and_then(|it| it.split(' ').next());
            missing
                .map_or_else(|| error.to_string(), |field| format!("{error}: {field} is missing"))
        }
        DecodeError::UnknownType { .. } | DecodeError::UnknownVersion { .. } => error.to_string(),
    }
}

/// The first field that is there and says something, but is not in what was written.
fn lost(original: &Value, written: &Value) -> Option<String> {
    let below = |name: String, path: String| {
        if path.is_empty() { name } else { format!("{name}.{path}") }
    };
    match (original, written) {
        (Value::Object(original), Value::Object(written)) => {
            original.iter().find_map(|(name, value)| match written.get(name) {
                Some(written) => lost(value, written).map(|path| below(name.clone(), path)),
                None => (!says_nothing(value)).then(|| name.clone()),
            })
        }
        (Value::Array(original), Value::Array(written)) => {
            let mut pairs = original.iter().zip(written).enumerate();
            let within = pairs.find_map(|(index, (value, written))| {
                lost(value, written).map(|path| below(index.to_string(), path))
            });
            within.or_else(|| (written.len() < original.len()).then(|| written.len().to_string()))
        }
        (Value::Object(_) | Value::Array(_), _) if !says_nothing(original) => Some(String::new()),
        _ => None,
    }
}

/// Absent is written as null, false or empty by some.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
