//! The log as the domain sees it.
//!
//! To implement it: an append is atomic over all its streams, positions of a tenant are gapless
//! and in commit order, and nothing is ever changed or removed. `adapters::log` holds a contract
//! suite that every implementation must pass.

use std::{future::Future, time::Duration};

use crate::{
    event_log::{Append, Appended, Head, Position, RecordedEvent, Revision, StreamId, StreamTail},
    ids::TenantId,
};

/// An append-only, multi-tenant event log.
pub trait EventLog: Send + Sync + 'static {
    /// Opens the history of a tenant. Repeating it changes nothing.
    fn open_tenant(&self, tenant: TenantId) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Appends to several streams at once, or to none of them.
    fn append(&self, append: Append) -> impl Future<Output = Result<Appended, AppendError>> + Send;

    /// The events of several streams, each after a revision, in one round trip. A stream without
    /// events answers revision 0. The answer keeps the order of the question.
    fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> impl Future<Output = Result<Vec<StreamTail>, LogError>> + Send;

    /// The next events of a tenant after a position, at most `limit`, in order, without gaps.
    fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, LogError>> + Send;

    /// The events of a tenant with `after < position <= to`, in order; only those of some aggregate
    /// types, or event types, if any are named. For those who read much: each page of a history is known before the one
    /// in front of it was read.
    fn scan(
        &self,
        tenant: TenantId,
        (after, to): (Position, Position),
        types: &[&'static str],
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, LogError>> + Send {
        async move {
            let limit = usize::try_from(to.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
            let mut events = self.read_tenant(tenant, after, limit).await?;
            events.retain(|event| types.is_empty() || event.is_of(types));
            Ok(events)
        }
    }

    /// Where a tenant's history stands; `None` when the tenant was never opened.
    fn head(&self, tenant: TenantId)
    -> impl Future<Output = Result<Option<Head>, LogError>> + Send;

    /// The heads of the tenants whose id is greater than `after`, at most `limit`, in id order.
    fn heads(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Head>, LogError>> + Send;

    /// The heads of the tenants of some ranges that have moved within a while, and maybe some that have
    /// not, in any order: for those who look again and again at tenants that are mostly idle.
    fn moved_heads(
        &self,
        ranges: &[i32],
        _within: Duration,
    ) -> impl Future<Output = Result<Vec<Head>, LogError>> + Send {
        async move {
            let (mut moved, mut after) = (Vec::new(), None);
            loop {
                let heads = self.heads(after, 1000).await?;
                let Some(last) = heads.last() else { return Ok(moved) };
                after = Some(last.tenant);
                moved.extend(heads.into_iter().filter(|it| ranges.contains(&it.tenant.range())));
            }
        }
    }

    /// The stored answer to a command key, for clients that do not know whether they were heard.
    fn answer(
        &self,
        tenant: TenantId,
        key: &str,
    ) -> impl Future<Output = Result<Option<StoredAnswer>, LogError>> + Send;
}

/// An answer that was stored with its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The position that the answer rested on.
    pub position: Position,
    /// A keyed hash of the request; zeros where it is not kept any more.
    pub request_hash: [u8; 32],
    /// The answer as JSON text.
    pub result: String,
}

impl StoredAnswer {
    /// Whether it answers a request of this hash. One of which the hash is not kept answers whoever
    /// has its key.
    pub fn stands_for(&self, request_hash: &[u8; 32]) -> bool {
        self.request_hash == *request_hash || self.request_hash == [0; 32]
    }
}

/// Why an append was not made. Nothing of it is in the log.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Some streams moved on. Carries their newer events, so that the decision can be made again
    /// without another load.
    #[error("{} of the streams moved on", .0.len())]
    Conflict(Vec<StreamTail>),
    /// The command key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The log itself failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why the log could not answer.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The tenant was never opened.
    #[error("tenant {0} is unknown")]
    UnknownTenant(TenantId),
    /// The store cannot be reached or is overloaded. For an append the outcome may be unknown: ask
    /// with the command key.
    #[error("the log is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store answered what cannot be: a gap, an unreadable row, a broken key.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The caller asked for what cannot be: an empty write, a stream twice.
    #[error("the append is malformed: {0}")]
    Malformed(String),
}
