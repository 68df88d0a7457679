//! Archived months and a database as one log that can be folded. It takes nothing.

use std::sync::{Mutex, PoisonError};

use daybook_adapters::log::PostgresLog;
use daybook_domain::{
    event_log::{Append, Appended, Head, Position, RecordedEvent, Revision, StreamId, StreamTail},
    ids::TenantId,
    ports::{AppendError, EventLog, LogError, StoredAnswer},
};

use super::{Archive, folder::Events};

/// The archive up to its end, the database from there on.
#[derive(Debug)]
pub(crate) struct PastLog {
    archive: Archive,
    live: PostgresLog,
    /// Where the last reading of the archive has ended: pages follow each other, and a file has no
    /// index to find a place by.
    at: Mutex<Option<(Position, Events)>>,
}

fn damaged(error: &anyhow::Error) -> LogError {
    LogError::Damaged(format!("{error:#}"))
}

fn takes_nothing() -> LogError {
    LogError::Malformed("an archive takes nothing".to_owned())
}

impl PastLog {
    pub(crate) const fn new(archive: Archive, live: PostgresLog) -> Self {
        Self { archive, live, at: Mutex::new(None) }
    }

    /// The archived events with `after < position <= to`.
    fn archived(&self, (after, to): (Position, Position)) -> Result<Vec<RecordedEvent>, LogError> {
        let to = to.min(self.archive.end().0);
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = match at.take() {
            Some((position, events)) if position == after => events,
            _ => self.archive.events(after),
        };
        let wanted = usize::try_from(to.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
        let page = events.page(wanted).map_err(|error| damaged(&error))?;
        *at = Some((to, events));
        Ok(page)
    }
}

impl EventLog for PastLog {
    async fn open_tenant(&self, _tenant: TenantId) -> Result<(), LogError> {
        Err(takes_nothing())
    }

    async fn append(&self, _append: Append) -> Result<Appended, AppendError> {
        Err(takes_nothing().into())
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        let mut tails = Vec::with_capacity(after.len());
        for (stream, after) in after {
            let mut events = self.archive.stream(stream).map_err(|error| damaged(&error))?;
            let archived = events.last().map_or(Revision(0), |last| last.revision);
            events.retain(|event| *after < event.revision);
            let rest = [(stream.clone(), archived.max(*after))];
            let live = self.live.read_streams(tenant, &rest).await?;
            events.extend(live.into_iter().flat_map(|tail| tail.events));
            let revision = events.last().map_or(archived.max(*after), |last| last.revision);
            tails.push(StreamTail { stream: stream.clone(), revision, events });
        }
        Ok(tails)
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let end = self.archive.end().0;
        if end <= after {
            return self.live.read_tenant(tenant, after, limit).await;
        }
        self.archived((after, Position(after.0.saturating_add(limit as u64))))
    }

    async fn scan(
        &self,
        tenant: TenantId,
        (after, to): (Position, Position),
        types: &[&'static str],
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let end = self.archive.end().0;
        let mut events = Vec::new();
        if after < end {
            events = self.archived((after, to))?;
            events.retain(|event| types.is_empty() || event.is_of(types));
        }
        if end < to {
            events.extend(self.live.scan(tenant, (after.max(end), to), types).await?);
        }
        Ok(events)
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        self.live.head(tenant).await
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        self.live.heads(after, limit).await
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        self.live.answer(tenant, key).await
    }
}
