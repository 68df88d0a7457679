//! The log in memory, for tests and trials. It keeps the same promises as the one on PostgreSQL.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, SubsecRound as _, Utc};
use daybook_domain::{
    event_log::{
        Append, Appended, EventData, ExpectedRevision, Head, Position, RecordedEvent, Revision,
        StreamId, StreamTail,
    },
    ids::TenantId,
    ports::{AppendError, EventLog, LogError, StoredAnswer},
};
use uuid::Uuid;

use super::{chain, check::check, notifier::Hints};
use crate::clock::{Clock, SystemClock};

/// The log in memory. Cloning it shares the history.
#[derive(Clone)]
pub struct MemoryLog {
    tenants: Arc<Mutex<BTreeMap<TenantId, History>>>,
    clock: Arc<dyn Clock>,
    hints: Hints,
}

#[derive(Default)]
struct History {
    /// The event at position n is at index n - 1.
    events: Vec<RecordedEvent>,
    /// Of each stream, the indexes of its events in `events`.
    streams: HashMap<StreamId, Vec<usize>>,
    answers: HashMap<String, StoredAnswer>,
}

impl MemoryLog {
    /// An empty log on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty log on a clock of the caller's.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { tenants: Arc::default(), clock, hints: Hints::default() }
    }

    /// What was appended, as it happens.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    fn tenants(&self) -> MutexGuard<'_, BTreeMap<TenantId, History>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog").field("tenants", &self.tenants().len()).finish_non_exhaustive()
    }
}

impl EventLog for MemoryLog {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        self.tenants().entry(tenant).or_default();
        Ok(())
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        check(&append)?;
        check_json(&append)?;
        let tenant = append.tenant;
        let grows = !append.writes.is_empty();
        let appended = {
            let mut tenants = self.tenants();
            let history = tenants.get_mut(&tenant).ok_or(LogError::UnknownTenant(tenant))?;
            history.append(append, self.clock.now().trunc_subsecs(6))?
        };
        if let Appended::New { position } = &appended
            && grows
        {
            self.hints.committed(tenant, *position);
        }
        Ok(appended)
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        let tenants = self.tenants();
        let empty = History::default();
        let history = tenants.get(&tenant).unwrap_or(&empty);
        Ok(after.iter().map(|(stream, revision)| history.tail(stream, *revision)).collect())
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let tenants = self.tenants();
        let Some(history) = tenants.get(&tenant) else { return Ok(Vec::new()) };
        let after = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(history.events.iter().skip(after).take(limit).cloned().collect())
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        Ok(self.tenants().get(&tenant).map(|history| history.head(tenant)))
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tenants = self.tenants();
        let range = tenants.range((start, Bound::Unbounded));
        Ok(range.take(limit).map(|(tenant, history)| history.head(*tenant)).collect())
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        Ok(self.tenants().get(&tenant).and_then(|history| history.answers.get(key).cloned()))
    }
}

impl History {
    fn append(&mut self, append: Append, now: DateTime<Utc>) -> Result<Appended, AppendError> {
        if let Some(command) = &append.command
            && let Some(stored) = self.answers.get(&command.key)
        {
            return if stored.request_hash == command.request_hash {
                let result = stored.result.clone();
                Ok(Appended::Repeated { position: stored.position, result })
            } else {
                Err(AppendError::KeyReused)
            };
        }
        let conflicts = self.conflicts(&append);
        if !conflicts.is_empty() {
            return Err(AppendError::Conflict(conflicts));
        }
        let recorded_at = self.events.last().map_or(now, |last| last.recorded_at.max(now));
        for write in append.writes {
            for event in write.events {
                self.push(append.tenant, &write.stream, event, recorded_at);
            }
        }
        let position = self.position();
        if let Some(command) = append.command {
            let (request_hash, result) = (command.request_hash, command.result);
            let stored = StoredAnswer { position, request_hash, result };
            self.answers.insert(command.key, stored);
        }
        Ok(Appended::New { position })
    }

    /// The streams that do not stand where the append expects them, with what is new in them.
    fn conflicts(&self, append: &Append) -> Vec<StreamTail> {
        let written = append.writes.iter().map(|write| (&write.stream, write.expected));
        let read = append.unchanged.iter();
        let read = read.map(|(stream, revision)| (stream, ExpectedRevision::Exactly(*revision)));
        written
            .chain(read)
            .filter(|(stream, expected)| {
                !expected.holds(self.revision(stream), self.last_event(stream))
            })
            .map(|(stream, expected)| self.tail(stream, expected.revision().unwrap_or_default()))
            .collect()
    }

    fn push(
        &mut self,
        tenant: TenantId,
        stream: &StreamId,
        event: EventData,
        recorded_at: DateTime<Utc>,
    ) {
        let mut recorded = RecordedEvent {
            tenant,
            position: Position(self.position().0 + 1),
            stream: stream.clone(),
            revision: Revision(self.revision(stream).0 + 1),
            event_id: event.event_id,
            event_type: event.event_type.into_owned(),
            event_version: event.event_version.into_owned(),
            payload: event.payload,
            metadata: event.metadata.to_string(),
            recorded_at,
            hash: chain::GENESIS,
        };
        recorded.hash = chain::hash_after(&self.hash(), &recorded);
        self.streams.entry(stream.clone()).or_default().push(self.events.len());
        self.events.push(recorded);
    }

    fn position(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn hash(&self) -> [u8; 32] {
        self.events.last().map_or(chain::GENESIS, |last| last.hash)
    }

    fn head(&self, tenant: TenantId) -> Head {
        Head { tenant, position: self.position(), hash: self.hash() }
    }

    fn revision(&self, stream: &StreamId) -> Revision {
        Revision(self.streams.get(stream).map_or(0, |events| events.len() as u64))
    }

    fn last_event(&self, stream: &StreamId) -> Option<Uuid> {
        let last = self.streams.get(stream)?.last()?;
        self.events.get(*last).map(|event| event.event_id)
    }

    fn tail(&self, stream: &StreamId, after: Revision) -> StreamTail {
        let after = usize::try_from(after.0).unwrap_or(usize::MAX);
        let indexes = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        StreamTail {
            stream: stream.clone(),
            revision: self.revision(stream),
            events: indexes.iter().skip(after).map(|index| self.events[*index].clone()).collect(),
        }
    }
}

/// PostgreSQL refuses what is no JSON; so does this log.
fn check_json(append: &Append) -> Result<(), LogError> {
    let events = append.writes.iter().flat_map(|write| &write.events);
    let texts = events.flat_map(|event| [event.payload.as_str(), &*event.metadata]);
    for text in texts.chain(append.command.iter().map(|command| command.result.as_str())) {
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return Err(LogError::Malformed("the text of an event is no JSON".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::MemoryLog;

    crate::contract_tests!(async { (MemoryLog::new(), ()) });
}
