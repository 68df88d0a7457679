//! A log as it is over a network: between a decision and its append, others have their turn.

use crate::{
    event_log::{Append, Appended, Head, Position, RecordedEvent, Revision, StreamId, StreamTail},
    ids::TenantId,
    ports::{AppendError, EventLog, LogError, StoredAnswer},
    testing::TestLog,
};

/// A log that lets others go first before it appends, as one over a network does.
#[derive(Clone, Debug, Default)]
pub(super) struct Polite(pub(super) TestLog);

impl EventLog for Polite {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        self.0.open_tenant(tenant).await
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        tokio::task::yield_now().await;
        self.0.append(append).await
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        self.0.read_streams(tenant, after).await
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        self.0.read_tenant(tenant, after, limit).await
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        self.0.head(tenant).await
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        self.0.heads(after, limit).await
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        self.0.answer(tenant, key).await
    }
}
