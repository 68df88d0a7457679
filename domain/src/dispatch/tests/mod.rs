//! Two dispatchers on one log stand for two processes: neither is fooled by what it remembers.

mod moved_back;
mod repeats;
mod unconfirmed;

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::DateTime;

use super::*;
use crate::{
    commands::{One, Saved},
    master_data::MasterDataError,
    ports::EventLog,
    tenant::{Tenant, TenantCommand},
    testing::{TENANT, TestLog, context},
    unique_key::{UniqueKey, UniqueKeyCommand},
};

async fn two() -> (Dispatcher<TestLog>, Dispatcher<TestLog>, TestLog) {
    let log = TestLog::default();
    log.open_tenant(TENANT).await.expect("a tenant opens");
    (Dispatcher::new(log.clone()), Dispatcher::new(log.clone()), log)
}

fn now() -> CommandContext {
    context(DateTime::UNIX_EPOCH)
}

fn keyed(key: &str, hash: u8) -> CommandContext {
    let key = Some(CommandKey { key: key.to_owned(), request_hash: [hash; 32] });
    CommandContext { key, ..now() }
}

fn tenant(command: TenantCommand) -> One<Tenant> {
    One { id: TENANT.uuid(), command, expected: None }
}

fn open() -> One<Tenant> {
    tenant(TenantCommand::Open { name: "Test".to_owned() })
}

fn feature(name: &str) -> One<Tenant> {
    tenant(TenantCommand::SetFeature { feature: name.to_owned(), is_enabled: true })
}

fn key(command: UniqueKeyCommand) -> One<UniqueKey> {
    One { id: TENANT.uuid(), command, expected: None }
}

fn claim(owner: &str) -> One<UniqueKey> {
    key(UniqueKeyCommand::Claim { owner: owner.to_owned(), field: "name" })
}

async fn version<L: EventLog>(dispatcher: &Dispatcher<L>, command: &One<Tenant>) -> u64 {
    let done = dispatcher.run(&now(), command).await.expect("the command is accepted");
    let Saved { version, .. } = done.answer;
    version
}

#[tokio::test]
async fn a_decision_on_a_remembered_state_is_made_again_when_the_stream_moved_on() {
    let (here, there, log) = two().await;
    assert_eq!(version(&here, &open()).await, 1);
    assert_eq!(version(&there, &feature("a")).await, 2);
    assert_eq!(version(&here, &feature("b")).await, 3);
    assert_eq!(log.events(TENANT).len(), 3);
}

#[tokio::test]
async fn a_refusal_from_memory_is_proved_before_it_is_believed() {
    let (here, there, _log) = two().await;
    here.run(&now(), &claim("a")).await.expect("a free value is taken");
    let refused = here.run(&now(), &claim("b")).await;
    let owner = "a".to_owned();
    assert!(matches!(
        refused,
        Err(CommandError::Refused { refusal: MasterDataError::Taken { owner: held, .. }, .. })
            if held == owner
    ));
    let release = key(UniqueKeyCommand::Release { owner });
    there.run(&now(), &release).await.expect("the owner gives it back");
    here.run(&now(), &claim("b")).await.expect("the value is free again");
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_another_request_is_refused() {
    let (here, there, log) = two().await;
    let first = here.run(&keyed("k", 1), &open()).await.expect("it is accepted");
    let again = there.run(&keyed("k", 1), &open()).await.expect("it is answered");
    assert_eq!((first.repeated, again.repeated), (false, true));
    assert_eq!(first.answer, again.answer);
    let other = here.run(&keyed("k", 2), &feature("a")).await;
    assert!(matches!(other, Err(CommandError::KeyReused)));
    assert_eq!(log.events(TENANT).len(), 1);
}

#[tokio::test]
async fn a_dry_run_answers_and_records_nothing() {
    let (here, _there, log) = two().await;
    let dry = CommandContext { dry_run: true, ..now() };
    let done = here.run(&dry, &open()).await.expect("it would be accepted");
    assert_eq!((done.answer.version, done.position), (1, None));
    assert_eq!(log.events(TENANT).len(), 0);
}

/// Writes a feature if the value has an owner; on the first attempt, somebody else takes the value
/// away in between.
struct FeatureOfOwner {
    other: Dispatcher<TestLog>,
    attempts: AtomicUsize,
}

impl UnitCommand for FeatureOfOwner {
    type Answer = bool;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<bool, MasterDataError>, UnitError> {
        let is_owned = unit.load::<UniqueKey>(TENANT).await?.owner().is_some();
        if self.attempts.fetch_add(1, Ordering::SeqCst) == 0 {
            let release = key(UniqueKeyCommand::Release { owner: "a".to_owned() });
            self.other.run(&now(), &release).await.expect("the owner gives it back");
        }
        let feature = if is_owned { "owned" } else { "free" };
        let set = TenantCommand::SetFeature { feature: feature.to_owned(), is_enabled: true };
        unit.decide::<Tenant>(TENANT, set).await?.expect("a feature is set");
        Ok(Ok(is_owned))
    }
}

#[tokio::test]
async fn a_stream_that_was_only_read_must_stand_still_too() {
    let (here, there, _log) = two().await;
    here.run(&now(), &open()).await.expect("a tenant is opened");
    here.run(&now(), &claim("a")).await.expect("a free value is taken");
    let command = FeatureOfOwner { other: there, attempts: AtomicUsize::new(0) };
    let done = here.run(&now(), &command).await.expect("it is accepted");
    assert!(!done.answer, "the decision rested on what was no longer so");
    assert_eq!(command.attempts.load(Ordering::SeqCst), 2);
    let (state, _) = here.state::<Tenant>(&now(), TENANT).await.expect("the state is read");
    assert!(state.has_feature("free") && !state.has_feature("owned"));
}
