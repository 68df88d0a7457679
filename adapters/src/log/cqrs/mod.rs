//! The log as an event repository of cqrs-es, so that its stock framework, stores and tools run on
//! it, one tenant at a time.
//!
//! ```ignore
//! let repository = EventRepository::new(log, tenant, Arc::new(RandomIds));
//! let store = PersistedEventStore::new_event_store(repository);
//! let framework = CqrsFramework::new(store, queries, ());
//! ```
//!
//! What cqrs-es has no words for stays out of its sight: appends over several streams, positions,
//! command keys. Aggregates are always folded from their events; there are no stored snapshots.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use cqrs_es::{
    Aggregate,
    persist::{
        PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent,
        SerializedSnapshot,
    },
};
use daybook_domain::{
    event_log::{
        Append, EventData, ExpectedRevision, Position, RecordedEvent, Revision, StreamId,
        StreamWrite,
    },
    ids::{IdSource, TenantId},
    ports::{AppendError, EventLog, LogError},
};
use serde_json::Value;

/// Events that a replay has read ahead of its consumer.
const READ_AHEAD: usize = 512;

/// One tenant's streams, as cqrs-es sees them. Cheap to clone.
#[derive(Clone)]
pub struct EventRepository<L> {
    log: Arc<L>,
    tenant: TenantId,
    ids: Arc<dyn IdSource>,
}

impl<L> std::fmt::Debug for EventRepository<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventRepository").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl<L: EventLog> EventRepository<L> {
    /// The streams of a tenant whose history was opened.
    pub fn new(log: Arc<L>, tenant: TenantId, ids: Arc<dyn IdSource>) -> Self {
        Self { log, tenant, ids }
    }

    async fn read(
        &self,
        stream: StreamId,
        after: Revision,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let tails = self.log.read_streams(self.tenant, &[(stream, after)]).await.map_err(failed)?;
        tails.into_iter().flat_map(|tail| tail.events).map(serialized).collect()
    }

    /// The writes of some events: one per run of events of the same aggregate.
    fn writes<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
    ) -> Result<Vec<StreamWrite>, PersistenceError> {
        let mut writes = Vec::new();
        for run in events.chunk_by(|a, b| a.aggregate_id == b.aggregate_id) {
            let Some(first) = run.first() else { continue };
            let expected = match first.sequence.checked_sub(1) {
                Some(0) => ExpectedRevision::NoStream,
                Some(before) => ExpectedRevision::Exactly(Revision(before as u64)),
                None => return Err(PersistenceError::UnknownError("sequences begin at 1".into())),
            };
            if !run.iter().zip(first.sequence..).all(|(event, due)| event.sequence == due) {
                return Err(PersistenceError::UnknownError("the sequences have a gap".into()));
            }
            let events = run.iter().map(|event| {
                Ok(EventData {
                    event_id: self.ids.next_id(),
                    event_type: event.event_type.clone().into(),
                    event_version: event.event_version.clone().into(),
                    payload: serde_json::to_string(&event.payload)?,
                    metadata: serde_json::to_string(&event.metadata)?.into(),
                })
            });
            writes.push(StreamWrite {
                stream: StreamId::new(A::TYPE, first.aggregate_id.as_str()),
                expected,
                events: events.collect::<Result<_, PersistenceError>>()?,
            });
        }
        Ok(writes)
    }
}

impl<L: EventLog> PersistedEventRepository for EventRepository<L> {
    async fn get_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.read(StreamId::new(A::TYPE, aggregate_id), Revision(0)).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.read(StreamId::new(A::TYPE, aggregate_id), Revision(last_sequence as u64)).await
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        _aggregate_id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    /// A stream that stands elsewhere is an optimistic lock error.
    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        snapshot_update: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        if snapshot_update.is_some() {
            let what = "the log keeps no snapshots: use PersistedEventStore::new_event_store";
            return Err(PersistenceError::UnknownError(what.into()));
        }
        let writes = self.writes::<A>(events)?;
        if writes.is_empty() {
            return Ok(());
        }
        let append = Append { tenant: self.tenant, command: None, writes, unchanged: Vec::new() };
        match self.log.append(append).await {
            Ok(_) => Ok(()),
            Err(AppendError::Conflict(_)) => Err(PersistenceError::OptimisticLockError),
            Err(AppendError::Log(error)) => Err(failed(error)),
            Err(error @ AppendError::KeyReused) => {
                Err(PersistenceError::UnknownError(Box::new(error)))
            }
        }
    }

    async fn stream_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        let events = self.get_events::<A>(aggregate_id).await?;
        let (mut feed, stream) = ReplayStream::new(READ_AHEAD);
        tokio::spawn(async move {
            for event in events {
                // The consumer may have seen enough.
                if feed.push(Ok(event)).await.is_err() {
                    return;
                }
            }
        });
        Ok(stream)
    }

    /// All events of the type, in the order in which they happened. An error ends the stream as
    /// its last item, never silently.
    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        let (mut feed, stream) = ReplayStream::new(READ_AHEAD);
        let (log, tenant) = (Arc::clone(&self.log), self.tenant);
        tokio::spawn(async move {
            let mut after = Position(0);
            loop {
                let page = match log.read_tenant(tenant, after, READ_AHEAD).await {
                    Ok(page) => page,
                    Err(error) => {
                        drop(feed.push(Err(failed(error))).await);
                        return;
                    }
                };
                let Some(last) = page.last() else { return };
                after = last.position;
                for event in page.into_iter().filter(|it| it.stream.aggregate_type == A::TYPE) {
                    if feed.push(serialized(event)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(stream)
    }
}

fn serialized(event: RecordedEvent) -> Result<SerializedEvent, PersistenceError> {
    let sequence = usize::try_from(event.revision.0)
        .map_err(|error| PersistenceError::UnknownError(Box::new(error)))?;
    Ok(SerializedEvent {
        aggregate_id: event.stream.aggregate_id.to_string(),
        sequence,
        aggregate_type: event.stream.aggregate_type.into_owned(),
        event_type: event.event_type,
        event_version: event.event_version,
        payload: serde_json::from_str(&event.payload)?,
        metadata: serde_json::from_str(&event.metadata)?,
    })
}

fn failed(error: LogError) -> PersistenceError {
    match error {
        error @ (LogError::Unavailable(_) | LogError::MovedBack(_)) => {
            PersistenceError::ConnectionError(Box::new(error))
        }
        error => PersistenceError::UnknownError(Box::new(error)),
    }
}
