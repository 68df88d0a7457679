//! What a tenant's projectors are handed next: the tail of the history in one small read; a long way to
//! the head in scans of what they read at all, one ahead of the one that is being worked on.

use std::sync::Arc;

use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
    ports::{EventLog, LogError},
};
use tokio::task::JoinHandle;

/// So many batches are scanned at once on a long way.
const STRIDE: u64 = 4;

/// Events, and how far the history was looked at for them.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) to: Position,
    pub(super) events: Vec<RecordedEvent>,
    /// Whether there was nothing more.
    pub(super) is_end: bool,
}

/// Where to go on, and how.
pub(super) struct Wish {
    pub(super) from: Position,
    /// Not beyond this position: somebody else stands there.
    pub(super) stop: Option<Position>,
    /// Only these aggregate types matter; none mean all.
    pub(super) types: Vec<&'static str>,
}

/// Reads a tenant's history for as long as one turn lasts.
pub(super) struct Reader<L> {
    log: Arc<L>,
    tenant: TenantId,
    batch: usize,
    /// Where the head was when there was a long way to it.
    head: Option<Position>,
    ahead: Option<Ahead>,
}

struct Ahead {
    range: (Position, Position),
    types: Vec<&'static str>,
    page: JoinHandle<Result<Vec<RecordedEvent>, LogError>>,
}

impl<L: EventLog> Reader<L> {
    pub(super) fn new(log: Arc<L>, tenant: TenantId, batch: usize) -> Self {
        Self { log, tenant, batch, head: None, ahead: None }
    }

    /// The next events after a position.
    pub(super) async fn next(&mut self, wish: Wish) -> Result<Read, LogError> {
        match self.head.filter(|head| wish.from < *head) {
            Some(head) => self.scan(wish, head).await,
            None => self.tail(wish).await,
        }
    }

    async fn tail(&mut self, Wish { from, stop, .. }: Wish) -> Result<Read, LogError> {
        let gap = stop.map(|stop| usize::try_from(stop.0 - from.0).unwrap_or(usize::MAX));
        let limit = gap.map_or(self.batch, |gap| gap.min(self.batch));
        let events = self.log.read_tenant(self.tenant, from, limit).await?;
        gapless(self.tenant, from, &events)?;
        let is_end = events.len() < limit;
        self.head =
            if is_end { None } else { self.log.head(self.tenant).await?.map(|head| head.position) };
        let to = events.last().map_or(from, |event| event.position);
        Ok(Read { to, events, is_end })
    }

    async fn scan(&mut self, wish: Wish, head: Position) -> Result<Read, LogError> {
        let Wish { from, stop, types } = wish;
        let stride = self.batch as u64 * STRIDE;
        let end = |from: Position| Position(from.0 + stride).min(head);
        let to = stop.map_or(end(from), |stop| stop.min(end(from)));
        let is_it = |ahead: &Ahead| ahead.range == (from, to) && ahead.types == types;
        let page = match self.ahead.take().filter(is_it) {
            Some(ahead) => ahead.page,
            None => self.begin((from, to), types.clone()),
        };
        if stop.is_none() && to < head {
            let (range, types) = ((to, end(to)), types.clone());
            let page = self.begin(range, types.clone());
            self.ahead = Some(Ahead { range, types, page });
        }
        let read = page.await;
        let events = read.unwrap_or_else(|gone| Err(LogError::Unavailable(Box::new(gone))))?;
        if types.is_empty() {
            gapless(self.tenant, from, &events)?;
        }
        Ok(Read { to, events, is_end: false })
    }

    fn begin(
        &self,
        range: (Position, Position),
        types: Vec<&'static str>,
    ) -> JoinHandle<Result<Vec<RecordedEvent>, LogError>> {
        let (log, tenant) = (Arc::clone(&self.log), self.tenant);
        tokio::spawn(async move { log.scan(tenant, range, &types).await })
    }
}

/// A hole in a tenant's history would be silently skipped events: that stops everything.
fn gapless(tenant: TenantId, from: Position, events: &[RecordedEvent]) -> Result<(), LogError> {
    let expected = (from.0 + 1)..;
    match events.iter().zip(expected).find(|(event, expected)| event.position.0 != *expected) {
        None => Ok(()),
        Some((event, expected)) => Err(LogError::Damaged(format!(
            "tenant {tenant} has position {} where {expected} should stand",
            event.position
        ))),
    }
}
