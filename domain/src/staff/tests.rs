//! What a staff member accepts and refuses.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    aggregate::{Decide as _, fold},
    hours::{DateException, DayHours, WeeklyHours},
    ids::{BranchId, CompanyId},
    master_data::MasterDataError,
    refusal::Refusal as _,
};

#[test]
fn registering_a_staff_member_again_records_nothing() {
    given([]).when(register(profile())).then_expect_events(vec![registered()]);
    given([registered()]).when(register(profile())).then_expect_events(Vec::new());
}

#[test]
fn id_of_another_staff_member_is_refused() {
    let other = StaffProfile { name: "Mia".to_owned(), ..profile() };
    given([registered()])
        .when(register(other))
        .then_expect_error(MasterDataError::AlreadyRegistered { what: "staff member" });
}

#[test]
fn unknown_staff_member_refuses_everything_else() {
    let missing = MasterDataError::NotFound { what: "staff member", field: "staff_id" };
    for command in [
        StaffCommand::Change { profile: profile() },
        set_hours(None, Some(on(1))),
        StaffCommand::SetException { exception: closed() },
        StaffCommand::RemoveException { date: christmas() },
        StaffCommand::SetActive { is_active: false },
    ] {
        given([]).when(command).then_expect_error(missing.clone());
    }
}

#[test]
fn change_is_recorded_once() {
    let pausing = StaffProfile { is_bookable: false, ..profile() };
    let change = || StaffCommand::Change { profile: pausing.clone() };
    let changed = StaffEvent::Changed { profile: pausing.clone() };
    given([registered()]).when(change()).then_expect_events(vec![changed.clone()]);
    given([registered(), changed]).when(change()).then_expect_events(Vec::new());
}

#[test]
fn company_and_zone_of_the_calendar_stay() {
    let elsewhere = StaffProfile { company_id: CompanyId::new(Uuid::from_u128(9)), ..profile() };
    let moved = StaffProfile { zone: chrono_tz::America::New_York, ..profile() };
    let known = fold::<Staff>([&registered()]);
    for (profile, field) in [(elsewhere, "company_id"), (moved, "zone")] {
        assert_eq!(field_of(&known, StaffCommand::Change { profile }), field);
    }
}

#[test]
fn wrong_field_is_named() {
    for (profile, field) in [
        (StaffProfile { name: String::new(), ..profile() }, "name"),
        (StaffProfile { branches: BTreeSet::new(), ..profile() }, "branches"),
        (StaffProfile { buffer_before_min: 7, ..profile() }, "buffer_before_min"),
        (StaffProfile { buffer_after_min: 245, ..profile() }, "buffer_after_min"),
        (StaffProfile { external_ref: Some(String::new()), ..profile() }, "external_ref"),
    ] {
        assert_eq!(field_of(&Staff::default(), register(profile)), field);
    }
}

#[test]
fn hours_at_a_branch_stand_beside_the_general_ones_until_they_are_taken_back() {
    let general = StaffEvent::HoursSet { branch_id: None, weekly: Some(on(1)) };
    let special = StaffEvent::HoursSet { branch_id: Some(branch(1)), weekly: Some(on(2)) };
    let back = StaffEvent::HoursSet { branch_id: Some(branch(1)), weekly: None };
    given([registered(), general.clone()])
        .when(set_hours(Some(branch(1)), Some(on(2))))
        .then_expect_events(vec![special.clone()]);
    given([registered(), general.clone(), special.clone()])
        .when(set_hours(Some(branch(1)), Some(on(2))))
        .then_expect_events(Vec::new());
    let state = fold::<Staff>([&registered(), &general, &special]);
    assert_eq!((state.hours(), state.hours_at(branch(1))), (Some(&on(1)), Some(&on(2))));
    let state = fold::<Staff>([&registered(), &general, &special, &back]);
    assert_eq!((state.hours(), state.hours_at(branch(1))), (Some(&on(1)), None));
}

#[test]
fn hours_at_a_branch_where_nobody_works_are_refused() {
    given([registered()]).when(set_hours(Some(branch(2)), Some(on(1)))).then_expect_error(
        MasterDataError::invalid("branch_id", "the staff member does not work at this branch"),
    );
}

#[test]
fn exception_stands_until_it_is_removed() {
    let set = || StaffCommand::SetException { exception: closed() };
    let remove = || StaffCommand::RemoveException { date: christmas() };
    let exception_set = StaffEvent::ExceptionSet { exception: closed() };
    given([registered()]).when(set()).then_expect_events(vec![exception_set.clone()]);
    given([registered(), exception_set.clone()]).when(set()).then_expect_events(Vec::new());
    given([registered()]).when(remove()).then_expect_events(Vec::new());
    given([registered(), exception_set])
        .when(remove())
        .then_expect_events(vec![StaffEvent::ExceptionRemoved { date: christmas() }]);
}

#[test]
fn staff_member_leaves_and_comes_back() {
    let active = |is_active| StaffCommand::SetActive { is_active };
    given([registered()]).when(active(true)).then_expect_events(Vec::new());
    given([registered()]).when(active(false)).then_expect_events(vec![StaffEvent::Deactivated]);
    given([registered(), StaffEvent::Deactivated])
        .when(active(true))
        .then_expect_events(vec![StaffEvent::Activated]);
}

fn given<const N: usize>(events: [StaffEvent; N]) -> AggregateTestExecutor<Staff> {
    TestFramework::<Staff>::with(()).given(events.to_vec())
}

fn field_of(state: &Staff, command: StaffCommand) -> String {
    state.decide(command).expect_err("the field is wrong").field().expect("it is named")
}

fn register(profile: StaffProfile) -> StaffCommand {
    StaffCommand::Register { profile }
}

fn registered() -> StaffEvent {
    StaffEvent::Registered { profile: profile() }
}

fn set_hours(branch_id: Option<BranchId>, weekly: Option<WeeklyHours>) -> StaffCommand {
    StaffCommand::SetHours { branch_id, weekly }
}

fn branch(number: u128) -> BranchId {
    BranchId::new(Uuid::from_u128(number))
}

fn profile() -> StaffProfile {
    StaffProfile {
        company_id: CompanyId::new(Uuid::from_u128(1)),
        name: "Jana".to_owned(),
        branches: BTreeSet::from([branch(1)]),
        zone: chrono_tz::Europe::Berlin,
        roles: BTreeSet::new(),
        is_bookable: true,
        buffer_before_min: 0,
        buffer_after_min: 5,
        calcom_username: None,
        external_ref: None,
    }
}

fn on(weekday: u8) -> WeeklyHours {
    let interval = serde_json::from_str(r#"{"from":"09:00","to":"18:00"}"#).expect("an interval");
    let hours = DayHours::new(vec![interval], Vec::new()).expect("hours of a day");
    WeeklyHours::on([weekday], &hours).expect("a weekday")
}

fn closed() -> DateException {
    DateException { date: christmas(), hours: DayHours::closed(), reason: None }
}

fn christmas() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, 25).expect("Christmas")
}
