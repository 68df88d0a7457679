//! Requests that are repeated while the first one is under way, and what refusals rest on.

use futures::{FutureExt as _, future::join_all, poll};

use super::{unconfirmed::gated, *};
use crate::{event_log::Position, unique_key::UniqueKeyCommand};

/// Takes a value for something new, as a booking takes its time: whoever comes second is refused.
struct TakeForNew;

impl UnitCommand for TakeForNew {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        let id = unit.context().next_id();
        let claim = UniqueKeyCommand::Claim { owner: id.to_string(), field: "name" };
        let decided = unit.decide::<UniqueKey>(TENANT, claim).await?;
        Ok(decided.map(|()| Saved { id, version: 1 }))
    }
}

#[tokio::test]
async fn a_repeated_request_waits_for_the_first_and_gets_its_answer() {
    for times in [2, 4, 40] {
        let (dispatcher, log) = gated().await;
        let gate = log.gate();
        let context = keyed("k", 1);
        let mut all = join_all((0..times).map(|_| dispatcher.run(&context, &TakeForNew))).boxed();
        assert!(poll!(&mut all).is_pending());
        gate.send(true).expect("an append waits");
        let done: Vec<_> = all.await.into_iter().map(|it| it.expect("it is answered")).collect();
        assert_eq!(done.iter().filter(|it| !it.repeated).count(), 1, "{times}");
        assert!(done.iter().all(|it| it.answer == done[0].answer), "{times}");
    }
}

#[tokio::test]
async fn a_repeated_request_of_another_process_gets_the_answer_of_the_first() {
    for times in [2, 4, 40] {
        let (here, log) = gated().await;
        let there = Dispatcher::new(log.clone());
        let gate = log.gate();
        let context = keyed("k", 1);
        let at = |no: usize| if no.is_multiple_of(2) { &here } else { &there };
        let mut all = join_all((0..times).map(|no| at(no).run(&context, &TakeForNew))).boxed();
        assert!(poll!(&mut all).is_pending());
        gate.send(true).expect("an append waits");
        let done: Vec<_> = all.await.into_iter().map(|it| it.expect("it is answered")).collect();
        assert_eq!(done.iter().filter(|it| !it.repeated).count(), 1, "{times}");
        assert!(done.iter().all(|it| it.answer == done[0].answer), "{times}");
    }
}

#[tokio::test]
async fn a_repeated_request_is_decided_itself_when_the_first_one_fails() {
    let (dispatcher, log) = gated().await;
    let gate = log.gate();
    let context = keyed("k", 1);
    let mut first = dispatcher.run(&context, &TakeForNew).boxed();
    let mut second = dispatcher.run(&context, &TakeForNew).boxed();
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    gate.send(false).expect("an append waits");
    assert!(matches!(first.await, Err(CommandError::Failed(_))));
    assert!(!second.await.expect("it is accepted").repeated);
}

#[tokio::test]
async fn a_repeated_request_takes_the_place_of_a_first_one_whose_caller_has_gone() {
    let (dispatcher, log) = gated().await;
    let gate = log.gate();
    let context = keyed("k", 1);
    let mut gone = dispatcher.run(&context, &TakeForNew).boxed();
    let mut second = dispatcher.run(&context, &TakeForNew).boxed();
    assert!(poll!(&mut gone).is_pending());
    assert!(poll!(&mut second).is_pending());
    drop(gone);
    drop(gate);
    assert!(!second.await.expect("it is accepted").repeated);
}

#[tokio::test]
async fn a_refusal_names_the_position_that_it_rests_on() {
    let (here, there, _log) = two().await;
    here.run(&now(), &open()).await.expect("a tenant is opened");
    here.run(&now(), &claim("a")).await.expect("a free value is taken");
    there.run(&now(), &feature("x")).await.expect("a feature is set");
    let refused = here.run(&now(), &claim("b")).await;
    assert!(
        matches!(refused, Err(CommandError::Refused { position: Position(3), .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_refusal_that_waited_for_an_append_names_the_position_of_that_append() {
    let (dispatcher, log) = gated().await;
    let (first_gate, second_gate) = (log.gate(), log.gate());
    let (context, a, b, x) = (now(), claim("a"), claim("b"), feature("x"));
    let mut first = dispatcher.run(&context, &a).boxed();
    let mut refused = dispatcher.run(&context, &b).boxed();
    let mut other = dispatcher.run(&context, &x).boxed();
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut refused).is_pending());
    assert!(poll!(&mut other).is_pending());
    first_gate.send(true).expect("an append waits");
    second_gate.send(true).expect("an append waits");
    let (first, _other) = (first.await, other.await);
    let first = first.expect("a free value is taken").position.expect("it was appended");
    let refused = refused.await;
    assert!(
        matches!(&refused, Err(CommandError::Refused { position, .. }) if *position == first),
        "{refused:?}"
    );
}
