//! What every log must do, as tests that any implementation can run.
//!
//! `contract_tests!(expression)` makes one test per promise; the expression makes an empty log and
//! whatever must live as long as it: `async { (log, guard) }`.

#![expect(clippy::panic, reason = "a promise that is not kept fails the test")]

pub mod answers;
pub mod appends;
pub mod concurrency;
pub mod reads;

use std::sync::Arc;

use daybook_domain::{
    event_log::{
        Append, Appended, CommandRecord, EventData, ExpectedRevision, Position, RecordedEvent,
        Revision, StreamId, StreamWrite,
    },
    ids::TenantId,
    ports::{AppendError, EventLog},
};
use uuid::Uuid;

/// Makes the tests of the contract for one implementation.
#[macro_export]
macro_rules! contract_tests {
    ($make:expr) => {
        $crate::contract_tests!(@each $make,
            appends::expectations_hold_in_every_combination,
            appends::an_expected_last_event_must_be_that_very_event,
            appends::an_append_is_all_or_nothing_over_its_streams,
            appends::a_stream_that_was_only_read_must_not_have_moved,
            appends::a_conflict_carries_the_newer_events_of_every_stream_that_moved,
            appends::malformed_appends_are_refused,
            appends::unsealed_personal_data_is_refused,
            appends::a_tenant_that_was_never_opened_is_unknown,
            appends::opening_a_tenant_again_changes_nothing,
            answers::a_repeated_command_gets_the_first_answer,
            answers::a_key_with_another_request_is_refused,
            answers::a_refused_append_leaves_no_answer,
            answers::a_command_without_events_is_answered_once,
            answers::one_of_many_at_once_is_new_and_the_rest_repeat_it,
            reads::events_come_back_byte_for_byte,
            reads::streams_are_read_after_a_revision_in_the_order_of_the_question,
            reads::a_history_is_read_in_pages,
            reads::a_range_of_a_history_is_scanned_whole_or_by_type,
            reads::heads_are_listed_in_pages,
            reads::tenants_do_not_see_each_other,
            reads::the_chain_verifies_and_names_what_was_altered,
            concurrency::positions_have_no_gaps_under_concurrent_writers,
            concurrency::a_chain_of_unconfirmed_appends_stands_or_falls_together,
            concurrency::a_reader_in_a_tight_loop_misses_nothing,
            concurrency::what_was_accepted_is_there_once_and_what_was_refused_is_not,
            concurrency::a_dropped_caller_leaves_all_or_nothing,
        );
    };
    (@each $make:expr, $($module:ident::$name:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (log, _guard) = $make.await;
            $crate::log::contract::$module::$name(log).await;
        }
    )+};
}

/// A tenant of its own for a test.
pub async fn tenant(log: &impl EventLog) -> TenantId {
    let tenant = TenantId::new(Uuid::from_bytes(random()));
    log.open_tenant(tenant).await.expect("a tenant is opened");
    tenant
}

/// Random bytes: the tests of one database must not meet by chance.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// A stream of the tests.
pub fn stream(id: &str) -> StreamId {
    StreamId::new("thing", id)
}

/// An event with a number in it.
pub fn event(number: u64) -> EventData {
    EventData {
        event_id: Uuid::from_bytes(random()),
        event_type: "thing.happened".into(),
        event_version: "1.0.0".into(),
        payload: format!(r#"{{"b":{number},  "a":"ä"}}"#),
        metadata: Arc::from(r#"{"actor":"key:1"}"#),
    }
}

/// A write of so many events.
pub fn write(id: &str, expected: ExpectedRevision, events: u64) -> StreamWrite {
    StreamWrite { stream: stream(id), expected, events: (1..=events).map(event).collect() }
}

/// An append without command.
pub fn append(tenant: TenantId, writes: Vec<StreamWrite>) -> Append {
    Append { tenant, command: None, writes, unchanged: Vec::new() }
}

/// An append that answers a command.
pub fn answering(key: &str, request: u8, result: &str, append: Append) -> Append {
    let command = CommandRecord {
        key: key.to_owned(),
        request_hash: [request; 32],
        result: result.to_owned(),
    };
    Append { command: Some(command), ..append }
}

/// Exactly this revision.
pub const fn at(revision: u64) -> ExpectedRevision {
    ExpectedRevision::Exactly(Revision(revision))
}

/// Appends so many events to a stream, wherever it stands.
pub async fn grow(log: &impl EventLog, tenant: TenantId, id: &str, events: u64) -> Position {
    let outcome = log.append(append(tenant, vec![write(id, ExpectedRevision::Any, events)])).await;
    new_position(&outcome)
}

/// The position of an append that must have been accepted anew.
pub fn new_position(outcome: &Result<Appended, AppendError>) -> Position {
    match outcome {
        Ok(Appended::New { position }) => *position,
        other => panic!("expected a new append, got {other:?}"),
    }
}

/// The whole history of a tenant.
pub async fn history(log: &impl EventLog, tenant: TenantId) -> Vec<RecordedEvent> {
    log.read_tenant(tenant, Position(0), usize::MAX).await.expect("the history is read")
}

/// Where a stream stands.
pub async fn revision(log: &impl EventLog, tenant: TenantId, id: &str) -> u64 {
    let tails = log.read_streams(tenant, &[(stream(id), Revision(0))]).await;
    tails.expect("a stream is read")[0].revision.0
}
