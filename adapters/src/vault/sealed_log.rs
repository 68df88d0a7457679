//! A log that seals personal data on the way in and opens it on the way out.
//!
//! Only payloads that carry a marker of `daybook_domain::personal` are touched; every other event
//! passes byte for byte.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use daybook_domain::{
    event_log::{
        Append, Appended, EventData, Head, Position, RecordedEvent, Revision, StreamId, StreamTail,
    },
    ids::{CustomerId, TenantId},
    ports::{AppendError, EventLog, LogError, StoredAnswer},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Vault, VaultError, cipher::Key};

const CLEAR: &str = "$personal";
const SEALED: &str = "$sealed";
const ERASED: &str = "$erased";
/// These cannot occur inside a JSON string, where the quotes would be escaped.
const CLEAR_MARK: &str = "\"$personal\":";
const SEALED_MARK: &str = "\"$sealed\":";
/// What is read where the seals of an event are broken.
const BROKEN: &str = r#"{"$unreadable":true}"#;

type Keys = BTreeMap<CustomerId, Option<Key>>;

/// A log over another one, with a vault in between.
#[derive(Clone, Debug)]
pub struct SealedLog<L> {
    log: L,
    vault: Vault,
}

impl<L> SealedLog<L> {
    /// A log that seals with a vault.
    pub const fn new(log: L, vault: Vault) -> Self {
        Self { log, vault }
    }

    /// The log underneath, which knows only what is sealed.
    pub const fn inner(&self) -> &L {
        &self.log
    }

    /// The vault.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }
}

fn failed(error: VaultError) -> LogError {
    match error {
        VaultError::Sealed { .. } => LogError::Damaged(error.to_string()),
        VaultError::Unavailable(_) | VaultError::Randomness => {
            LogError::Unavailable(Box::new(error))
        }
    }
}

fn unreadable(what: &str) -> LogError {
    LogError::Damaged(format!("a payload with personal data {what}"))
}

impl<L> SealedLog<L> {
    /// Seals what is clear in the events of an append, as the append itself does; for histories that
    /// come into the log by another way.
    pub async fn seal(&self, append: &mut Append) -> Result<(), LogError> {
        let mut clear: Vec<(&mut EventData, Value)> = Vec::new();
        let mut subjects = Vec::new();
        for event in append.writes.iter_mut().flat_map(|write| &mut write.events) {
            if event.payload.contains(CLEAR_MARK) {
                let payload = serde_json::from_str(&event.payload)
                    .map_err(|error| LogError::Malformed(error.to_string()))?;
                collect(&payload, CLEAR, &mut subjects)?;
                clear.push((event, payload));
            }
        }
        if clear.is_empty() {
            return Ok(());
        }
        let keys = self.vault.subject_keys(append.tenant, &subjects, true).await.map_err(failed)?;
        for (event, mut payload) in clear {
            seal_value(&mut payload, append.tenant, event.event_id, &keys)?;
            event.payload = payload.to_string();
        }
        Ok(())
    }
}

impl<L: EventLog> SealedLog<L> {
    /// Opens what is sealed in some events; what cannot be opened any more reads as erased. An event of
    /// which the seals are broken becomes one that nobody can decode, and the others are opened.
    async fn open<'e>(
        &self,
        tenant: TenantId,
        events: impl Iterator<Item = &'e mut RecordedEvent> + Send,
    ) -> Result<(), LogError> {
        let mut sealed: Vec<(&mut RecordedEvent, Value)> = Vec::new();
        let mut subjects = Vec::new();
        for event in events {
            if event.payload.contains(SEALED_MARK) {
                let payload = serde_json::from_str(&event.payload)
                    .map_err(|error| LogError::Damaged(error.to_string()));
                let mut own = Vec::new();
                match payload.and_then(|payload| {
                    collect(&payload, SEALED, &mut own)?;
                    Ok(payload)
                }) {
                    Ok(payload) => sealed.push((event, payload)),
                    Err(error) => break_open(event, &error),
                }
                subjects.append(&mut own);
            }
        }
        if sealed.is_empty() {
            return Ok(());
        }
        let keys = self.vault.subject_keys(tenant, &subjects, false).await.map_err(failed)?;
        for (event, mut payload) in sealed {
            match open_value(&mut payload, tenant, event.event_id, &keys) {
                Ok(()) => event.payload = payload.to_string(),
                Err(error @ LogError::Damaged(_)) => break_open(event, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn open_tails(
        &self,
        tenant: TenantId,
        mut tails: Vec<StreamTail>,
    ) -> Result<Vec<StreamTail>, LogError> {
        self.open(tenant, tails.iter_mut().flat_map(|tail| &mut tail.events)).await?;
        Ok(tails)
    }
}

/// Puts in the place of a payload what no event is decoded from.
fn break_open(event: &mut RecordedEvent, error: &LogError) {
    let (tenant, position) = (event.tenant, event.position);
    tracing::error!(%tenant, %position, %error, "personal data of an event cannot be opened");
    BROKEN.clone_into(&mut event.payload);
}

/// The subjects of a payload's markers.
fn collect(value: &Value, mark: &str, subjects: &mut Vec<CustomerId>) -> Result<(), LogError> {
    match value {
        Value::Object(fields) => {
            if let Some(subject) = fields.get(mark) {
                subjects.push(subject_of(subject)?);
            }
            fields.values().try_for_each(|value| collect(value, mark, subjects))
        }
        Value::Array(values) => values.iter().try_for_each(|value| collect(value, mark, subjects)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn subject_of(value: &Value) -> Result<CustomerId, LogError> {
    let subject = value.as_str().and_then(|text| text.parse().ok());
    subject.ok_or_else(|| unreadable("names no subject"))
}

/// What a ciphertext is bound to: it opens in its own event only.
fn bound_to(tenant: TenantId, subject: CustomerId, event_id: Uuid) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..16].copy_from_slice(tenant.uuid().as_bytes());
    bytes[16..32].copy_from_slice(subject.uuid().as_bytes());
    bytes[32..].copy_from_slice(event_id.as_bytes());
    bytes
}

fn marked(mark: &str, subject: CustomerId, more: Option<(&str, Value)>) -> Value {
    let mut fields = Map::new();
    fields.insert(mark.to_owned(), Value::String(subject.to_string()));
    if let Some((name, value)) = more {
        fields.insert(name.to_owned(), value);
    }
    Value::Object(fields)
}

fn seal_value(
    value: &mut Value,
    tenant: TenantId,
    event_id: Uuid,
    keys: &Keys,
) -> Result<(), LogError> {
    match value {
        Value::Object(fields) => {
            let Some(subject) = fields.get(CLEAR) else {
                return fields
                    .values_mut()
                    .try_for_each(|value| seal_value(value, tenant, event_id, keys));
            };
            let subject = subject_of(subject)?;
            let clear = fields.get("value").unwrap_or(&Value::Null).to_string();
            // Nothing new is kept of somebody who was erased.
            *value = match keys.get(&subject).and_then(Option::as_ref) {
                None => marked(ERASED, subject, None),
                Some(key) => {
                    let bound_to = bound_to(tenant, subject, event_id);
                    let data = key.seal(clear.as_bytes(), &bound_to).map_err(failed)?;
                    marked(SEALED, subject, Some(("data", STANDARD.encode(data).into())))
                }
            };
            Ok(())
        }
        Value::Array(values) => {
            values.iter_mut().try_for_each(|value| seal_value(value, tenant, event_id, keys))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn open_value(
    value: &mut Value,
    tenant: TenantId,
    event_id: Uuid,
    keys: &Keys,
) -> Result<(), LogError> {
    match value {
        Value::Object(fields) => {
            let Some(subject) = fields.get(SEALED) else {
                return fields
                    .values_mut()
                    .try_for_each(|value| open_value(value, tenant, event_id, keys));
            };
            let subject = subject_of(subject)?;
            let data = fields.get("data").and_then(Value::as_str);
            let data = data.and_then(|data| STANDARD.decode(data).ok());
            *value = match keys.get(&subject).and_then(Option::as_ref) {
                None => marked(ERASED, subject, None),
                Some(key) => {
                    let data = data.ok_or_else(|| unreadable("holds no ciphertext"))?;
                    let bound_to = bound_to(tenant, subject, event_id);
                    let clear = key.open(&data, &bound_to, "personal data").map_err(failed)?;
                    let clear = serde_json::from_slice(&clear)
                        .map_err(|_not_json| unreadable("holds no JSON"))?;
                    marked(CLEAR, subject, Some(("value", clear)))
                }
            };
            Ok(())
        }
        Value::Array(values) => {
            values.iter_mut().try_for_each(|value| open_value(value, tenant, event_id, keys))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

impl<L: EventLog> EventLog for SealedLog<L> {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        self.log.open_tenant(tenant).await
    }

    async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        let tenant = append.tenant;
        self.seal(&mut append).await?;
        match self.log.append(append).await {
            Err(AppendError::Conflict(tails)) => {
                Err(AppendError::Conflict(self.open_tails(tenant, tails).await?))
            }
            other => other,
        }
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        let tails = self.log.read_streams(tenant, after).await?;
        self.open_tails(tenant, tails).await
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let mut events = self.log.read_tenant(tenant, after, limit).await?;
        self.open(tenant, events.iter_mut()).await?;
        Ok(events)
    }

    async fn scan(
        &self,
        tenant: TenantId,
        range: (Position, Position),
        types: &[&'static str],
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let mut events = self.log.scan(tenant, range, types).await?;
        self.open(tenant, events.iter_mut()).await?;
        Ok(events)
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        self.log.head(tenant).await
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        self.log.heads(after, limit).await
    }

    async fn moved_heads(&self, ranges: &[i32], within: Duration) -> Result<Vec<Head>, LogError> {
        self.log.moved_heads(ranges, within).await
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        self.log.answer(tenant, key).await
    }
}
