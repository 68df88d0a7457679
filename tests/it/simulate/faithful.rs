//! The control: without changes a history comes out as it did, whatever it holds.

use daybook_domain::testing::{
    TENANT,
    world::{Step, World},
};
use daybook_replay_tools::simulate::{Outcome, WhatIf, simulate};
use proptest::prelude::*;

/// A start on one of two days, from before opening to after closing, on and off the grid.
fn slot() -> impl Strategy<Value = u16> {
    (0_u16..2, 7_u16 * 12..19 * 12).prop_map(|(day, five)| day * 288 + five)
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0_usize..12;
    let (service, staff) = (0_u8..3, proptest::option::of(0_u8..2));
    prop_oneof![
        8 => (service.clone(), staff.clone(), slot())
            .prop_map(|(service, staff, slot)| Step::Book { service, staff, slot }),
        3 => (service.clone(), staff.clone(), slot())
            .prop_map(|(service, staff, slot)| Step::Hold { service, staff, slot }),
        2 => which.clone().prop_map(Step::BookHeld),
        1 => which.clone().prop_map(Step::ExtendHold),
        1 => which.clone().prop_map(Step::ReleaseHold),
        3 => (which.clone(), staff.clone(), slot())
            .prop_map(|(which, staff, slot)| Step::Reschedule { which, staff, slot }),
        2 => which.clone().prop_map(Step::Cancel),
        2 => (which.clone(), 0_u8..3)
            .prop_map(|(which, change)| Step::Progress { which, change }),
        2 => (service, staff, slot(), any::<bool>()).prop_map(
            |(service, staff, slot, skip_conflicts)| Step::Series {
                service, staff, slot, skip_conflicts
            }
        ),
        1 => (which.clone(), 1_u16..5).prop_map(|(which, number)| Step::Skip { which, number }),
        1 => (which.clone(), 1_u16..5, slot())
            .prop_map(|(which, number, slot)| Step::Move { which, number, slot }),
        1 => which.prop_map(Step::CancelSeries),
        1 => (15_u8..19).prop_map(Step::CloseAt),
        1 => (1_u8..8).prop_map(Step::TimePasses),
        // Long enough that some appointments are over.
        1 => Just(Step::TimePasses(255)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn without_changes_everything_comes_out_the_same(
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::furnished().await;
            let mut accepted = 0;
            for step in steps {
                let before = world.log.events(TENANT).len();
                world.take(step).await;
                accepted += usize::from(before < world.log.events(TENANT).len());
                if matches!(step, Step::CloseAt(_)) {
                    accepted = accepted.saturating_sub(usize::from(
                        before < world.log.events(TENANT).len(),
                    ));
                }
            }
            let found = simulate(&world.log, TENANT, &WhatIf::default()).await.unwrap();
            let other: Vec<_> =
                found.decided.iter().filter(|it| it.outcome != Outcome::Same).collect();
            prop_assert!(other.is_empty(), "{:#?}", other);
            prop_assert_eq!(found.decided.len(), accepted, "a command was lost or made up");
            for row in &found.rows {
                prop_assert_eq!(row.before, row.after);
            }
            for fees in found.fees.values() {
                prop_assert_eq!(fees.before, fees.after);
            }
            Ok(())
        })?;
    }
}

/// What was cancelled by itself is no occurrence that could be skipped.
#[tokio::test]
async fn a_skip_after_the_cancellation_of_its_occurrence_is_refused_and_leaves_nothing() {
    let mut world = World::furnished().await;
    let series = Step::Series { service: 0, staff: None, slot: 102, skip_conflicts: false };
    for step in [series, Step::Cancel(0)] {
        assert!(world.take(step).await, "{step:?}");
    }
    assert!(!world.take(Step::Skip { which: 0, number: 1 }).await);
    let found = simulate(&world.log, TENANT, &WhatIf::default()).await.unwrap();
    assert_eq!(found.decided.len(), 2);
    assert!(found.decided.iter().all(|it| it.outcome == Outcome::Same));
}

/// The property is not empty: each kind of command is among what is decided again.
#[tokio::test]
async fn every_kind_of_command_is_found_again_in_what_it_left_behind() {
    let mut world = World::furnished().await;
    let book = |slot| Step::Book { service: 0, staff: Some(0), slot };
    let series = |slot| Step::Series { service: 2, staff: None, slot, skip_conflicts: true };
    for step in [
        book(120),
        book(138),
        Step::Reschedule { which: 0, staff: Some(1), slot: 126 },
        Step::Hold { service: 1, staff: None, slot: 132 },
        Step::ExtendHold(0),
        Step::TimePasses(1),
        Step::ExtendHold(0),
        Step::BookHeld(0),
        Step::Hold { service: 0, staff: Some(1), slot: 168 },
        Step::ReleaseHold(1),
        series(150),
        Step::Skip { which: 0, number: 2 },
        Step::Move { which: 0, number: 3, slot: 162 },
        Step::CancelSeries(0),
        Step::Cancel(1),
        Step::Progress { which: 0, change: 0 },
    ] {
        world.take(step).await;
    }
    // Nothing is completed before it was to start.
    while !world.take(Step::Progress { which: 0, change: 1 }).await {
        world.take(Step::TimePasses(240)).await;
    }
    let found = simulate(&world.log, TENANT, &WhatIf::default()).await.unwrap();
    let kinds: Vec<_> = found.decided.iter().map(|it| it.kind).collect();
    assert_eq!(
        kinds,
        [
            "book",
            "book",
            "reschedule",
            "hold",
            "extend_hold",
            "book",
            "hold",
            "release_hold",
            "start_series",
            "skip_occurrence",
            "move_occurrence",
            "cancel_series",
            "cancel",
            "start",
            "complete",
        ]
    );
    assert!(found.decided.iter().all(|it| it.outcome == Outcome::Same), "{:#?}", found.decided);
}
