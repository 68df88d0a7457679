//! The smallest log that keeps the promises of the port, for the domain's own tests. Clones share
//! the history. It keeps no hash chain; the logs of `adapters` do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::DateTime;

use crate::{
    event_log::{
        Append, Appended, ExpectedRevision, Head, Position, RecordedEvent, Revision, StreamId,
        StreamTail,
    },
    ids::TenantId,
    ports::{AppendError, EventLog, LogError, StoredAnswer},
};

#[derive(Default)]
struct History {
    events: Vec<RecordedEvent>,
    answers: BTreeMap<String, StoredAnswer>,
}

impl History {
    fn position(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn tail(&self, stream: &StreamId, after: Revision) -> StreamTail {
        let own = self.events.iter().filter(|event| event.stream == *stream);
        let revision = Revision(own.clone().count() as u64);
        let events = own.filter(|event| after < event.revision).cloned().collect();
        StreamTail { stream: stream.clone(), revision, events }
    }

    fn conflicts(&self, append: &Append) -> Vec<StreamTail> {
        let written = append.writes.iter().map(|write| (&write.stream, write.expected));
        let read = append.unchanged.iter();
        let read = read.map(|(stream, revision)| (stream, ExpectedRevision::Exactly(*revision)));
        let moved = written.chain(read).filter(|(stream, expected)| {
            let last = self.events.iter().rev().find(|event| event.stream == **stream);
            let revision = last.map_or(Revision(0), |last| last.revision);
            !expected.holds(revision, last.map(|last| last.event_id))
        });
        moved
            .map(|(stream, expected)| self.tail(stream, expected.revision().unwrap_or_default()))
            .collect()
    }
}

/// A log in memory.
#[derive(Clone, Default)]
pub struct TestLog(Arc<Mutex<BTreeMap<TenantId, History>>>);

impl TestLog {
    /// The events of a tenant, in order.
    pub fn events(&self, tenant: TenantId) -> Vec<RecordedEvent> {
        self.tenants().get(&tenant).map(|history| history.events.clone()).unwrap_or_default()
    }

    /// Cuts the history of a tenant off behind a position, with the answers that rest on what is lost:
    /// as a failover to a standby that lacks the end of it.
    pub fn truncate(&self, tenant: TenantId, position: Position) {
        if let Some(history) = self.tenants().get_mut(&tenant) {
            history.events.retain(|event| event.position <= position);
            history.answers.retain(|_, answer| answer.position <= position);
        }
    }

    fn tenants(&self) -> MutexGuard<'_, BTreeMap<TenantId, History>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TestLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestLog").finish_non_exhaustive()
    }
}

impl EventLog for TestLog {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        self.tenants().entry(tenant).or_default();
        Ok(())
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let mut tenants = self.tenants();
        let unknown = LogError::UnknownTenant(append.tenant);
        let history = tenants.get_mut(&append.tenant).ok_or(unknown)?;
        if let Some(command) = &append.command
            && let Some(answer) = history.answers.get(&command.key)
        {
            if answer.request_hash != command.request_hash {
                return Err(AppendError::KeyReused);
            }
            let (position, result) = (answer.position, answer.result.clone());
            return Ok(Appended::Repeated { position, result });
        }
        let conflicts = history.conflicts(&append);
        if !conflicts.is_empty() {
            return Err(AppendError::Conflict(conflicts));
        }
        for write in append.writes {
            let Revision(mut revision) = history.tail(&write.stream, Revision(0)).revision;
            for event in write.events {
                revision += 1;
                let Position(before) = history.position();
                history.events.push(RecordedEvent {
                    tenant: append.tenant,
                    position: Position(before + 1),
                    stream: write.stream.clone(),
                    revision: Revision(revision),
                    event_id: event.event_id,
                    event_type: event.event_type.into_owned(),
                    event_version: event.event_version.into_owned(),
                    payload: event.payload,
                    metadata: event.metadata.as_ref().to_owned(),
                    recorded_at: DateTime::UNIX_EPOCH,
                    hash: [0; 32],
                });
            }
        }
        let position = history.position();
        if let Some(command) = append.command {
            let (request_hash, result) = (command.request_hash, command.result);
            let answer = StoredAnswer { position, request_hash, result };
            history.answers.insert(command.key, answer);
        }
        Ok(Appended::New { position })
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        let tenants = self.tenants();
        let history = tenants.get(&tenant).ok_or(LogError::UnknownTenant(tenant))?;
        Ok(after.iter().map(|(stream, revision)| history.tail(stream, *revision)).collect())
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let later = |event: &RecordedEvent| after < event.position;
        Ok(self.events(tenant).into_iter().filter(later).take(limit).collect())
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        let head = |history: &History| Head { tenant, position: history.position(), hash: [0; 32] };
        Ok(self.tenants().get(&tenant).map(head))
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        let tenants = self.tenants();
        let later = tenants.iter().filter(|(tenant, _)| after.is_none_or(|after| after < **tenant));
        let heads = later.map(|(tenant, history)| Head {
            tenant: *tenant,
            position: history.position(),
            hash: [0; 32],
        });
        Ok(heads.take(limit).collect())
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        Ok(self.tenants().get(&tenant).and_then(|history| history.answers.get(key).cloned()))
    }
}
