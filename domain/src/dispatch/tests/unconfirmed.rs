//! Commands that decide on events whose append is still under way.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures::{FutureExt as _, channel::oneshot, poll};

use super::*;
use crate::{
    event_log::{Append, Appended, Head, Position, RecordedEvent, Revision, StreamId, StreamTail},
    ids::TenantId,
    ports::{AppendError, LogError, StoredAnswer},
};

/// A log whose appends wait until the test lets them through, or fails them.
#[derive(Clone, Default)]
pub(super) struct GatedLog {
    log: TestLog,
    gates: Arc<Mutex<VecDeque<oneshot::Receiver<bool>>>>,
}

impl GatedLog {
    /// A gate for the next append that has none.
    pub(super) fn gate(&self) -> oneshot::Sender<bool> {
        let (open, gate) = oneshot::channel();
        self.gates.lock().expect("nobody panicked").push_back(gate);
        open
    }
}

impl EventLog for GatedLog {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        self.log.open_tenant(tenant).await
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let gate = self.gates.lock().expect("nobody panicked").pop_front();
        if let Some(gate) = gate
            && !gate.await.unwrap_or(false)
        {
            return Err(LogError::Unavailable("the gate is shut".into()).into());
        }
        self.log.append(append).await
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

pub(super) async fn gated() -> (Dispatcher<GatedLog>, GatedLog) {
    let log = GatedLog::default();
    log.open_tenant(TENANT).await.expect("a tenant opens");
    let dispatcher = Dispatcher::new(log.clone());
    dispatcher.run(&now(), &open()).await.expect("a tenant is opened");
    (dispatcher, log)
}

fn payloads(log: &GatedLog) -> Vec<String> {
    log.log.events(TENANT).into_iter().map(|event| event.payload).collect()
}

#[tokio::test]
async fn the_next_command_decides_on_them_and_is_answered_when_its_own_append_stands() {
    let (dispatcher, log) = gated().await;
    let (first_gate, second_gate) = (log.gate(), log.gate());
    let (context, a, b) = (now(), feature("a"), feature("b"));
    let mut first = dispatcher.run(&context, &a).boxed();
    let mut second = dispatcher.run(&context, &b).boxed();
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    first_gate.send(true).expect("an append waits");
    assert_eq!(first.await.expect("it stands").answer.version, 2);
    assert!(poll!(&mut second).is_pending(), "answered before its append stands");
    second_gate.send(true).expect("an append waits");
    assert_eq!(second.await.expect("it stands").answer.version, 3);
    assert_eq!(payloads(&log).len(), 3);
}

#[tokio::test]
async fn what_rests_on_an_append_that_fell_is_decided_again() {
    let (dispatcher, log) = gated().await;
    let (first_gate, second_gate) = (log.gate(), log.gate());
    let (context, a, b) = (now(), feature("a"), feature("b"));
    let mut first = dispatcher.run(&context, &a).boxed();
    let mut second = dispatcher.run(&context, &b).boxed();
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    first_gate.send(false).expect("an append waits");
    assert!(matches!(first.await, Err(CommandError::Failed(_))));
    // Somebody else writes where the first would have written: the number is right, the event not.
    let other = Dispatcher::new(log.log.clone());
    other.run(&now(), &feature("c")).await.expect("it is accepted");
    second_gate.send(true).expect("an append waits");
    assert_eq!(second.await.expect("it is decided again").answer.version, 3);
    let payloads = payloads(&log).join("\n");
    assert!(
        payloads.contains(r#""c""#) && payloads.contains(r#""b""#) && !payloads.contains(r#""a""#)
    );
    let (state, _) = dispatcher.state::<Tenant>(&now(), TENANT).await.expect("it is read");
    assert!(state.has_feature("b") && state.has_feature("c") && !state.has_feature("a"));
}

#[tokio::test]
async fn a_refusal_that_rests_on_an_append_that_fell_is_taken_back() {
    let (dispatcher, log) = gated().await;
    let gate = log.gate();
    let (context, a, b) = (now(), claim("a"), claim("b"));
    let mut first = dispatcher.run(&context, &a).boxed();
    let mut second = dispatcher.run(&context, &b).boxed();
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending(), "refused for the sake of what may never be");
    gate.send(false).expect("an append waits");
    assert!(matches!(first.await, Err(CommandError::Failed(_))));
    second.await.expect("the value is free");
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_nothing_along() {
    let (dispatcher, log) = gated().await;
    let gate = log.gate();
    let (context, a) = (now(), feature("a"));
    let mut gone = dispatcher.run(&context, &a).boxed();
    assert!(poll!(&mut gone).is_pending());
    drop(gone);
    drop(gate);
    let (state, revision) = dispatcher.state::<Tenant>(&now(), TENANT).await.expect("it is read");
    assert!(!state.has_feature("a"));
    assert_eq!(revision, Revision(1));
    assert_eq!(version(&dispatcher, &feature("b")).await, 2);
}
