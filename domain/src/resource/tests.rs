//! What a resource accepts and refuses.

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
fn registering_a_resource_again_records_nothing() {
    given([]).when(register(profile(2))).then_expect_events(vec![registered()]);
    given([registered()]).when(register(profile(2))).then_expect_events(Vec::new());
}

#[test]
fn id_of_another_resource_is_refused() {
    given([registered()])
        .when(register(profile(3)))
        .then_expect_error(MasterDataError::AlreadyRegistered { what: "resource" });
}

#[test]
fn unknown_resource_refuses_everything_else() {
    let missing = MasterDataError::NotFound { what: "resource", field: "resource_id" };
    for command in [
        ResourceCommand::Change { profile: profile(3) },
        ResourceCommand::SetHours { weekly: None },
        ResourceCommand::SetException { exception: closed() },
        ResourceCommand::RemoveException { date: christmas() },
        ResourceCommand::SetActive { is_active: false },
    ] {
        given([]).when(command).then_expect_error(missing.clone());
    }
}

#[test]
fn changed_capacity_is_recorded_once() {
    let change = || ResourceCommand::Change { profile: profile(3) };
    let changed = ResourceEvent::Changed { profile: profile(3) };
    given([registered()]).when(change()).then_expect_events(vec![changed.clone()]);
    given([registered(), changed]).when(change()).then_expect_events(Vec::new());
}

#[test]
fn company_branch_and_zone_stay() {
    let known = fold::<Resource>([&registered()]);
    let elsewhere = CompanyId::new(Uuid::from_u128(9));
    let away = BranchId::new(Uuid::from_u128(9));
    for (profile, field) in [
        (ResourceProfile { company_id: elsewhere, ..profile(2) }, "company_id"),
        (ResourceProfile { branch_id: away, ..profile(2) }, "branch_id"),
        (ResourceProfile { zone: chrono_tz::UTC, ..profile(2) }, "zone"),
    ] {
        assert_eq!(field_of(&known, ResourceCommand::Change { profile }), field);
    }
}

#[test]
fn wrong_field_is_named() {
    for (profile, field) in [
        (profile(0), "capacity"),
        (ResourceProfile { name: " ".to_owned(), ..profile(1) }, "name"),
        (ResourceProfile { external_ref: Some(String::new()), ..profile(1) }, "external_ref"),
    ] {
        assert_eq!(field_of(&Resource::default(), register(profile)), field);
    }
}

#[test]
fn resource_without_hours_is_given_some_and_loses_them_again() {
    let week = WeeklyHours::on([1], &DayHours::closed()).expect("Monday is a weekday");
    let set = |weekly| ResourceCommand::SetHours { weekly };
    let hours_set = |weekly| ResourceEvent::HoursSet { weekly };
    given([registered()]).when(set(None)).then_expect_events(Vec::new());
    given([registered()])
        .when(set(Some(week.clone())))
        .then_expect_events(vec![hours_set(Some(week.clone()))]);
    given([registered(), hours_set(Some(week))])
        .when(set(None))
        .then_expect_events(vec![hours_set(None)]);
}

#[test]
fn exception_stands_until_it_is_removed() {
    let set = || ResourceCommand::SetException { exception: closed() };
    let remove = || ResourceCommand::RemoveException { date: christmas() };
    let exception_set = ResourceEvent::ExceptionSet { exception: closed() };
    given([registered()]).when(set()).then_expect_events(vec![exception_set.clone()]);
    given([registered(), exception_set.clone()]).when(set()).then_expect_events(Vec::new());
    given([registered()]).when(remove()).then_expect_events(Vec::new());
    given([registered(), exception_set])
        .when(remove())
        .then_expect_events(vec![ResourceEvent::ExceptionRemoved { date: christmas() }]);
}

#[test]
fn broken_resource_is_taken_out_and_comes_back() {
    let active = |is_active| ResourceCommand::SetActive { is_active };
    given([registered()]).when(active(true)).then_expect_events(Vec::new());
    given([registered()]).when(active(false)).then_expect_events(vec![ResourceEvent::Deactivated]);
    given([registered(), ResourceEvent::Deactivated])
        .when(active(true))
        .then_expect_events(vec![ResourceEvent::Activated]);
}

fn given<const N: usize>(events: [ResourceEvent; N]) -> AggregateTestExecutor<Resource> {
    TestFramework::<Resource>::with(()).given(events.to_vec())
}

fn field_of(state: &Resource, command: ResourceCommand) -> String {
    state.decide(command).expect_err("the field is wrong").field().expect("it is named")
}

fn register(profile: ResourceProfile) -> ResourceCommand {
    ResourceCommand::Register { profile }
}

fn registered() -> ResourceEvent {
    ResourceEvent::Registered { profile: profile(2) }
}

fn profile(capacity: u16) -> ResourceProfile {
    ResourceProfile {
        company_id: CompanyId::new(Uuid::from_u128(1)),
        branch_id: BranchId::new(Uuid::from_u128(2)),
        name: "Wash basin".to_owned(),
        kind: ResourceKind::Equipment,
        capacity,
        zone: chrono_tz::Europe::Berlin,
        external_ref: None,
    }
}

fn closed() -> DateException {
    DateException { date: christmas(), hours: DayHours::closed(), reason: None }
}

fn christmas() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, 25).expect("Christmas")
}
