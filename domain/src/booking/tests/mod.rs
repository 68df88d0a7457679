//! Whole booking commands over a log in memory, at random: no place is ever taken beyond what there
//! is of it, and appointments and calendars say the same.

mod polite;
mod twin;
mod zones;

use proptest::prelude::*;

use crate::testing::world::{Step, World};

/// A start on one of two days, from before opening to after closing, on and off the grid.
fn slot() -> impl Strategy<Value = u16> {
    (0_u16..2, 7_u16 * 12..19 * 12).prop_map(|(day, five)| day * 288 + five)
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0_usize..12;
    let (service, staff) = (0_u8..3, proptest::option::of(0_u8..2));
    prop_oneof![
        6 => (service.clone(), staff.clone(), slot())
            .prop_map(|(service, staff, slot)| Step::Book { service, staff, slot }),
        2 => (service.clone(), staff.clone(), slot())
            .prop_map(|(service, staff, slot)| Step::Hold { service, staff, slot }),
        1 => which.clone().prop_map(Step::BookHeld),
        1 => which.clone().prop_map(Step::ExtendHold),
        1 => which.clone().prop_map(Step::ReleaseHold),
        3 => (which.clone(), proptest::option::of(0_u8..2), slot())
            .prop_map(|(which, staff, slot)| Step::Reschedule { which, staff, slot }),
        2 => which.clone().prop_map(Step::Cancel),
        1 => (service, staff, slot(), any::<bool>()).prop_map(
            |(service, staff, slot, skip_conflicts)| Step::Series {
                service, staff, slot, skip_conflicts
            }
        ),
        1 => (which.clone(), 0_u8..3)
            .prop_map(|(which, change)| Step::Progress { which, change }),
        1 => (which.clone(), 1_u16..5).prop_map(|(which, number)| Step::Skip { which, number }),
        1 => (which.clone(), 1_u16..5, slot())
            .prop_map(|(which, number, slot)| Step::Move { which, number, slot }),
        1 => which.prop_map(Step::CancelSeries),
        1 => (15_u8..19).prop_map(Step::CloseAt),
        1 => (1_u8..8).prop_map(Step::TimePasses),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_taken_twice_whatever_is_booked_moved_held_and_cancelled(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::furnished().await;
            for step in steps {
                let before = world.log.events(crate::testing::TENANT).len();
                let accepted = world.take(step).await;
                let events = world.log.events(crate::testing::TENANT);
                if !accepted {
                    prop_assert_eq!(events.len(), before, "a refusal left something: {:?}", step);
                }
                let problems = twin::problems(&events, world.now);
                prop_assert!(problems.is_empty(), "after {:?}: {:#?}", step, problems);
            }
            prop_assert_eq!(world.forget_customer().await, 0, "something was not called off");
            let problems = twin::problems(&world.log.events(crate::testing::TENANT), world.now);
            prop_assert!(problems.is_empty(), "after the customer was forgotten: {:#?}", problems);
            Ok(())
        })?;
    }
}

/// The property is not empty: the random steps do book, move, hold and collide.
#[tokio::test]
async fn the_steps_of_the_property_are_accepted_and_refused() {
    let mut world = World::furnished().await;
    let book = |slot| Step::Book { service: 0, staff: Some(0), slot };
    assert!(world.take(book(120)).await);
    assert!(!world.take(book(120)).await, "the place is taken");
    assert!(!world.take(book(121)).await, "it is off the grid");
    assert!(world.take(Step::Reschedule { which: 0, staff: Some(1), slot: 126 }).await);
    assert!(world.take(Step::Hold { service: 1, staff: None, slot: 132 }).await);
    assert!(world.take(Step::ExtendHold(0)).await);
    assert!(world.take(Step::BookHeld(0)).await);
    assert!(!world.take(Step::ReleaseHold(0)).await, "it is booked");
    let series = Step::Series { service: 2, staff: None, slot: 150, skip_conflicts: true };
    assert!(world.take(series).await);
    assert!(world.take(Step::Skip { which: 0, number: 2 }).await);
    assert!(world.take(Step::Cancel(0)).await);
    let events = world.log.events(crate::testing::TENANT);
    assert_eq!(twin::problems(&events, world.now), Vec::<String>::new());
}

#[tokio::test]
async fn a_start_at_the_end_of_all_instants_is_refused() {
    let world = World::furnished().await;
    for starts_at in [chrono::DateTime::<chrono::Utc>::MAX_UTC, super::scene::FAR_OFF] {
        let refusal = world.refusal_at(starts_at).await;
        assert!(refusal.is_some(), "{starts_at} was booked");
    }
}
