//! What a phase accepts and refuses.

use chrono::{DateTime, Duration};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::slot::Slot;

#[test]
fn phase_is_planned_once() {
    given([]).when(plan_it(10)).then_expect_events(vec![planned(10)]);
    given([planned(10)]).when(plan_it(10)).then_expect_events(Vec::new());
    given([planned(10)]).when(plan_it(11)).then_expect_error(PhaseError::AlreadyPlanned);
}

#[test]
fn phase_moves_and_stands_where_it_moved_to() {
    let moved = PhaseEvent::Moved { from: plan(10), to: plan(12) };
    given([planned(10)])
        .when(PhaseCommand::Move { plan: plan(12) })
        .then_expect_events(vec![moved.clone()]);
    given([planned(10), moved])
        .when(PhaseCommand::Move { plan: plan(12) })
        .then_expect_events(Vec::new());
}

#[test]
fn unplanned_phase_is_neither_moved_nor_cancelled() {
    given([]).when(PhaseCommand::Move { plan: plan(12) }).then_expect_error(PhaseError::NotFound);
    given([]).when(PhaseCommand::Cancel).then_expect_error(PhaseError::NotFound);
}

#[test]
fn cancelled_phase_stays_cancelled() {
    let cancelled = PhaseEvent::Cancelled { appointment_id: Uuid::from_u128(1).into() };
    given([planned(10)]).when(PhaseCommand::Cancel).then_expect_events(vec![cancelled.clone()]);
    given([planned(10), cancelled.clone()])
        .when(PhaseCommand::Cancel)
        .then_expect_events(Vec::new());
    given([planned(10), cancelled])
        .when(PhaseCommand::Move { plan: plan(12) })
        .then_expect_error(PhaseError::Cancelled);
}

fn given<const N: usize>(events: [PhaseEvent; N]) -> AggregateTestExecutor<Phase> {
    TestFramework::<Phase>::with(()).given(events.to_vec())
}

fn plan_it(hour: i64) -> PhaseCommand {
    PhaseCommand::Plan { appointment_id: Uuid::from_u128(1).into(), plan: plan(hour) }
}

fn planned(hour: i64) -> PhaseEvent {
    PhaseEvent::Planned { appointment_id: Uuid::from_u128(1).into(), plan: plan(hour) }
}

fn plan(hour: i64) -> PhasePlan {
    let from = DateTime::UNIX_EPOCH + Duration::hours(hour);
    let slot = Slot { from, to: from + Duration::minutes(30) };
    PhasePlan {
        phase_id: Uuid::from_u128(2).into(),
        key: "A".to_owned(),
        service_id: Uuid::from_u128(3).into(),
        staff_id: Uuid::from_u128(4).into(),
        active: slot,
        staff_busy: slot,
        client_busy: slot,
        resource: None,
    }
}
