//! A history that moves back beneath a dispatcher that remembers what was in it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::*;
use crate::{
    event_log::{Append, Appended, Head, Position, RecordedEvent, Revision, StreamId, StreamTail},
    ids::TenantId,
    ports::{AppendError, LogError, StoredAnswer},
};

/// A log that says how often it moved back.
#[derive(Clone, Default)]
struct MovingLog {
    log: TestLog,
    generation: Arc<AtomicU64>,
}

impl MovingLog {
    /// Cuts the history off behind a position, and lets other events take the place of what was lost.
    async fn move_back(&self, to: u64, others: &[One<Tenant>]) {
        self.log.truncate(TENANT, Position(to));
        let other = Dispatcher::new(self.log.clone());
        for command in others {
            other.run(&now(), command).await.expect("it is accepted");
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

impl EventLog for MovingLog {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        self.log.open_tenant(tenant).await
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.log.append(append).await
    }

    async fn append_in(&self, append: Append, generation: u64) -> Result<Appended, AppendError> {
        if generation != self.generation() {
            return Err(LogError::MovedBack(append.tenant).into());
        }
        self.log.append(append).await
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        self.log.read_streams(tenant, after).await
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        self.log.read_tenant(tenant, after, limit).await
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        self.log.head(tenant).await
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        self.log.heads(after, limit).await
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        self.log.answer(tenant, key).await
    }
}

async fn moving() -> (Dispatcher<MovingLog>, MovingLog) {
    let log = MovingLog::default();
    log.open_tenant(TENANT).await.expect("a tenant opens");
    let dispatcher = Dispatcher::new(log.clone());
    dispatcher.run(&now(), &open()).await.expect("a tenant is opened");
    for name in ["a", "b", "c"] {
        dispatcher.run(&now(), &feature(name)).await.expect("a feature is set");
    }
    (dispatcher, log)
}

#[tokio::test]
async fn nothing_is_decided_on_what_was_lost_though_the_revisions_are_equal_again() {
    let (dispatcher, log) = moving().await;
    log.move_back(2, &[feature("x"), feature("y")]).await;
    assert_eq!(version(&dispatcher, &feature("d")).await, 5);
    let (state, _) = dispatcher.state::<Tenant>(&now(), TENANT).await.expect("it is read");
    assert!(state.has_feature("a") && state.has_feature("x") && state.has_feature("d"));
    assert!(!state.has_feature("b") && !state.has_feature("c"), "it was lost");
    // What the lost history had is no reason to record nothing.
    assert_eq!(version(&dispatcher, &feature("b")).await, 6);
}

#[tokio::test]
async fn a_stream_below_what_was_known_of_it_is_never_said_to_hold_what_was_lost() {
    // Nobody says that the history moved back: the lower revision alone shows it.
    let (dispatcher, log) = moving().await;
    log.log.truncate(TENANT, Position(2));
    assert_eq!(version(&dispatcher, &feature("b")).await, 3);
    let (state, revision) = dispatcher.state::<Tenant>(&now(), TENANT).await.expect("it is read");
    assert_eq!(revision, Revision(3));
    assert!(state.has_feature("b") && !state.has_feature("c"));
}
