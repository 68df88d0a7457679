//! A hold lapses by itself, is never kept longer than ten minutes, and is booked once.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::{
    appointment::Plan,
    ids::{BranchId, CompanyId, StaffId},
};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn held(minutes: i64) -> HoldCommand {
    let plan = Plan {
        starts_at: at(100),
        ends_at: at(160),
        staff_id: StaffId::new(Uuid::from_u128(1)),
        phases: Vec::new(),
        claims: Vec::new(),
        choice: None,
    };
    HoldCommand::Place(Box::new(Held {
        company_id: CompanyId::new(Uuid::from_u128(2)),
        branch_id: BranchId::new(Uuid::from_u128(3)),
        service_ids: Vec::new(),
        durations: Vec::new(),
        plan,
        placed_at: at(0),
        expires_at: at(minutes),
    }))
}

fn extend(to: i64, now: i64) -> HoldCommand {
    HoldCommand::Extend { expires_at: at(to), at: at(now) }
}

fn book(now: i64) -> HoldCommand {
    let appointment_id = AppointmentId::new(Uuid::from_u128(9));
    HoldCommand::Book { appointment_id, at: at(now) }
}

fn after(commands: impl IntoIterator<Item = HoldCommand>) -> Hold {
    let mut state = Hold::default();
    for command in commands {
        for event in state.decide(command).expect("the command is accepted") {
            state.evolve(&event);
        }
    }
    state
}

#[test]
fn a_hold_of_more_than_ten_minutes_is_refused() {
    assert!(Hold::default().decide(held(10)).is_ok());
    let refusal = Hold::default().decide(held(11)).unwrap_err();
    assert_eq!(refusal, HoldError::TooLong { latest: at(10) });
}

#[test]
fn extensions_count_from_the_first_placing() {
    let state = after([held(5)]);
    assert!(state.decide(extend(10, 4)).is_ok());
    assert_eq!(state.decide(extend(11, 4)), Err(HoldError::TooLong { latest: at(10) }));
}

#[test]
fn a_lapsed_hold_is_neither_extended_nor_booked() {
    let state = after([held(5)]);
    let expired = HoldError::Expired { expired_at: at(5) };
    assert_eq!(state.decide(extend(8, 5)), Err(expired.clone()));
    assert_eq!(state.decide(book(5)), Err(expired));
    assert!(state.decide(book(4)).is_ok());
}

#[test]
fn a_hold_is_booked_or_released_once() {
    assert_eq!(after([held(5), book(1)]).decide(book(2)), Err(HoldError::Over));
    assert_eq!(after([held(5), book(1)]).decide(HoldCommand::Release), Err(HoldError::Over));
    let released = after([held(5), HoldCommand::Release]);
    assert_eq!(released.decide(book(2)), Err(HoldError::Over));
    assert_eq!(released.decide(HoldCommand::Release), Ok(Vec::new()));
}

#[test]
fn a_hold_that_never_was_is_unknown() {
    assert_eq!(Hold::default().decide(book(1)), Err(HoldError::NotFound));
    assert_eq!(Hold::default().decide(HoldCommand::Release), Err(HoldError::NotFound));
}
