//! What a branch accepts and refuses.

use chrono::NaiveDate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    hours::{DateException, DayHours, WeeklyHours},
    ids::CompanyId,
    master_data::MasterDataError,
};

#[test]
fn registered_branch_is_active_and_registering_it_again_records_nothing() {
    given([]).when(register(profile("Mitte"))).then_expect_events(vec![registered("Mitte")]);
    given([registered("Mitte")]).when(register(profile("Mitte"))).then_expect_events(Vec::new());
    given([registered("Mitte")]).when(active(true)).then_expect_events(Vec::new());
}

#[test]
fn id_of_another_branch_is_refused() {
    given([registered("Mitte")])
        .when(register(profile("Nord")))
        .then_expect_error(MasterDataError::AlreadyRegistered { what: "branch" });
}

#[test]
fn unknown_branch_refuses_everything_else() {
    let missing = MasterDataError::NotFound { what: "branch", field: "branch_id" };
    for command in [
        BranchCommand::Change { profile: profile("Nord") },
        BranchCommand::SetHours { weekly: open_on_monday() },
        BranchCommand::SetException { exception: closed(24) },
        BranchCommand::RemoveException { date: date(24) },
        active(false),
    ] {
        given([]).when(command).then_expect_error(missing.clone());
    }
}

#[test]
fn changed_name_is_recorded_once() {
    let change = || BranchCommand::Change { profile: profile("Nord") };
    let changed = BranchEvent::Changed { profile: profile("Nord") };
    given([registered("Mitte")]).when(change()).then_expect_events(vec![changed.clone()]);
    given([registered("Mitte"), changed]).when(change()).then_expect_events(Vec::new());
}

#[test]
fn branch_stays_with_its_company() {
    let mut elsewhere = profile("Mitte");
    elsewhere.company_id = CompanyId::new(Uuid::from_u128(99));
    given([registered("Mitte")])
        .when(BranchCommand::Change { profile: elsewhere })
        .then_expect_error(MasterDataError::invalid(
            "company_id",
            "a branch stays with its company",
        ));
}

#[test]
fn a_zone_is_recorded_by_its_name_in_the_iana_database() {
    let pacific = BranchProfile { zone: chrono_tz::US::Pacific, ..profile("Mitte") };
    let los_angeles = BranchProfile { zone: chrono_tz::America::Los_Angeles, ..profile("Mitte") };
    let registered = BranchEvent::Registered { profile: los_angeles };
    given([]).when(register(pacific.clone())).then_expect_events(vec![registered.clone()]);
    given([registered])
        .when(BranchCommand::Change { profile: pacific })
        .then_expect_events(Vec::new());
}

#[test]
fn wrong_field_is_named() {
    let with = |change: fn(&mut BranchProfile)| {
        let mut profile = profile("Mitte");
        change(&mut profile);
        profile
    };
    let address = || Address {
        street: "Torstr. 1".to_owned(),
        postal_code: "10119".to_owned(),
        city: "Berlin".to_owned(),
        country: "DE".to_owned(),
        latitude_e6: None,
        longitude_e6: None,
    };
    let at = |latitude_e6, longitude_e6| {
        let mut profile = profile("Mitte");
        profile.address = Some(Address { latitude_e6, longitude_e6, ..address() });
        profile
    };
    for (profile, field) in [
        (with(|profile| profile.name = "  ".to_owned()), "name"),
        (with(|profile| profile.name = "x".repeat(201)), "name"),
        (with(|profile| profile.external_ref = Some(String::new())), "external_ref"),
        (with(|profile| profile.phone_region = Some("QQ".to_owned())), "phone_region"),
        (with(|profile| profile.phone_region = Some("AQ".to_owned())), "phone_region"),
        (
            {
                let mut profile = profile("Mitte");
                profile.address = Some(Address { country: "Germany".to_owned(), ..address() });
                profile
            },
            "address.country",
        ),
        (at(Some(90_000_001), Some(0)), "address.latitude_e6"),
        (at(Some(0), Some(-180_000_001)), "address.longitude_e6"),
    ] {
        assert_eq!(field_of(&Branch::default(), register(profile)), field);
    }
    given([]).when(register(at(Some(-90_000_000), Some(180_000_000)))).then_expect_events(vec![
        BranchEvent::Registered { profile: at(Some(-90_000_000), Some(180_000_000)) },
    ]);
}

#[test]
fn hours_are_recorded_when_they_differ() {
    let set = || BranchCommand::SetHours { weekly: open_on_monday() };
    let hours_set = BranchEvent::HoursSet { weekly: open_on_monday() };
    given([registered("Mitte")]).when(set()).then_expect_events(vec![hours_set.clone()]);
    given([registered("Mitte"), hours_set]).when(set()).then_expect_events(Vec::new());
}

#[test]
fn exception_stands_until_it_is_removed() {
    let set = || BranchCommand::SetException { exception: closed(24) };
    let remove = |day| BranchCommand::RemoveException { date: date(day) };
    let exception_set = BranchEvent::ExceptionSet { exception: closed(24) };
    let removed = BranchEvent::ExceptionRemoved { date: date(24) };
    given([registered("Mitte")]).when(set()).then_expect_events(vec![exception_set.clone()]);
    given([registered("Mitte"), exception_set.clone()]).when(set()).then_expect_events(Vec::new());
    given([registered("Mitte"), exception_set.clone()])
        .when(remove(25))
        .then_expect_events(Vec::new());
    given([registered("Mitte"), exception_set]).when(remove(24)).then_expect_events(vec![removed]);
}

#[test]
fn closed_branch_opens_again() {
    given([registered("Mitte")])
        .when(active(false))
        .then_expect_events(vec![BranchEvent::Deactivated]);
    given([registered("Mitte"), BranchEvent::Deactivated])
        .when(active(false))
        .then_expect_events(Vec::new());
    given([registered("Mitte"), BranchEvent::Deactivated])
        .when(active(true))
        .then_expect_events(vec![BranchEvent::Activated]);
}

fn given<const N: usize>(events: [BranchEvent; N]) -> AggregateTestExecutor<Branch> {
    TestFramework::<Branch>::with(()).given(events.to_vec())
}

fn field_of(state: &Branch, command: BranchCommand) -> String {
    use crate::{aggregate::Decide as _, refusal::Refusal as _};
    state.decide(command).expect_err("the field is wrong").field().expect("it is named")
}

fn register(profile: BranchProfile) -> BranchCommand {
    BranchCommand::Register { profile }
}

fn registered(name: &str) -> BranchEvent {
    BranchEvent::Registered { profile: profile(name) }
}

fn active(is_active: bool) -> BranchCommand {
    BranchCommand::SetActive { is_active }
}

fn profile(name: &str) -> BranchProfile {
    BranchProfile {
        company_id: CompanyId::new(Uuid::from_u128(1)),
        name: name.to_owned(),
        zone: chrono_tz::Europe::Berlin,
        address: None,
        service_radius_m: None,
        transport_info: None,
        phone_region: None,
        external_ref: None,
    }
}

fn open_on_monday() -> WeeklyHours {
    let interval = serde_json::from_str(r#"{"from":"09:00","to":"18:00"}"#).expect("an interval");
    let hours = DayHours::new(vec![interval], Vec::new()).expect("hours of a day");
    WeeklyHours::on([1], &hours).expect("Monday is a weekday")
}

fn closed(day: u32) -> DateException {
    DateException { date: date(day), hours: DayHours::closed(), reason: None }
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, day).expect("a day of December")
}
