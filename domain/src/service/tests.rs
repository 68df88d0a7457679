//! What a service accepts and refuses, and what it costs with whom.

use std::collections::BTreeMap;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    aggregate::{Decide as _, fold},
    ids::{BranchId, CompanyId, StaffId},
    master_data::MasterDataError,
    money::{Currency, Money},
    refusal::Refusal as _,
};

#[test]
fn defining_a_service_again_records_nothing() {
    given([]).when(define(profile())).then_expect_events(vec![defined()]);
    given([defined()]).when(define(profile())).then_expect_events(Vec::new());
}

#[test]
fn id_of_another_service_is_refused() {
    let other = ServiceProfile { name: "Perm".to_owned(), ..profile() };
    given([defined()])
        .when(define(other))
        .then_expect_error(MasterDataError::AlreadyRegistered { what: "service" });
}

#[test]
fn unknown_service_refuses_everything_else() {
    let missing = MasterDataError::NotFound { what: "service", field: "service_id" };
    for command in [
        ServiceCommand::Change { profile: profile() },
        ServiceCommand::SetOffer { branch_id: branch(), offer: offer(None) },
        assign(plain()),
        ServiceCommand::Unassign { staff_id: jana() },
        ServiceCommand::SetActive { is_active: false },
    ] {
        given([]).when(command).then_expect_error(missing.clone());
    }
}

#[test]
fn wrong_field_is_named() {
    let phase = |change: fn(&mut PhaseTemplate)| {
        let mut profile = profile();
        profile.phases.iter_mut().take(1).for_each(change);
        profile
    };
    let rules = |change: fn(&mut BookingRules)| {
        let mut profile = profile();
        change(&mut profile.rules);
        profile
    };
    let need = ResourceNeed { any_of: Vec::new(), units: 1 };
    let mut needs_nothing = profile();
    needs_nothing.phases = vec![PhaseTemplate { resource: Some(need), ..active("A", 30) }];
    for (profile, field) in [
        (ServiceProfile { name: String::new(), ..profile() }, "name"),
        (ServiceProfile { phases: Vec::new(), ..profile() }, "phases"),
        (
            ServiceProfile { phases: vec![active("A", 5), active("A", 5)], ..profile() },
            "phases/1/key",
        ),
        (ServiceProfile { price: euro(-1), ..profile() }, "price"),
        (phase(|phase| phase.active_min = 0), "phases/0/active_min"),
        (phase(|phase| phase.active_min = 725), "phases/0/active_min"),
        (phase(|phase| phase.processing_min = 7), "phases/0/processing_min"),
        (phase(|phase| phase.transition_min = 1), "phases/0/transition_min"),
        (needs_nothing, "phases/0/resource/any_of"),
        (rules(|rules| rules.grid_min = 25), "rules/grid_min"),
        (rules(|rules| rules.buffer_before_min = 3), "rules/buffer_before_min"),
        (rules(|rules| rules.buffer_after_min = 245), "rules/buffer_after_min"),
        (rules(|rules| rules.duration = Some(range(30, 60))), "rules/duration"),
        (with_range(range(60, 30)), "rules/duration/to_min"),
        (with_range(range(7, 30)), "rules/duration/from_min"),
        (rules(|rules| rules.max_advance_days = 0), "rules/max_advance_days"),
        (rules(|rules| rules.min_notice_min = 525_601), "rules/min_notice_min"),
    ] {
        assert_eq!(field_of(&Service::default(), define(profile)), field);
    }
}

#[test]
fn company_and_currency_stay() {
    let francs = Currency::try_from("CHF".to_owned()).expect("a currency");
    let elsewhere = CompanyId::new(Uuid::from_u128(9));
    let known = fold::<Service>([&defined()]);
    for (profile, field) in [
        (ServiceProfile { company_id: elsewhere, ..profile() }, "company_id"),
        (ServiceProfile { price: Money::new(1, francs), ..profile() }, "price.currency"),
    ] {
        assert_eq!(field_of(&known, ServiceCommand::Change { profile }), field);
    }
}

#[test]
fn change_is_recorded_once() {
    let dearer = ServiceProfile { price: euro(9200), ..profile() };
    let change = || ServiceCommand::Change { profile: dearer.clone() };
    let changed = ServiceEvent::Changed { profile: dearer.clone() };
    given([defined()]).when(change()).then_expect_events(vec![changed.clone()]);
    given([defined(), changed]).when(change()).then_expect_events(Vec::new());
}

#[test]
fn phase_that_a_staff_member_does_in_own_time_cannot_be_taken_out() {
    let own_time =
        Assignment { custom_active_min: BTreeMap::from([("B".to_owned(), 20)]), ..plain() };
    let shorter = ServiceProfile { phases: vec![active("A", 30)], ..profile() };
    given([defined(), ServiceEvent::StaffAssigned { assignment: own_time }])
        .when(ServiceCommand::Change { profile: shorter })
        .then_expect_error(MasterDataError::invalid(
            "custom_active_min/B",
            "the service has no such phase",
        ));
}

#[test]
fn assignment_is_recorded_once_and_taken_back_once() {
    let assigned = ServiceEvent::StaffAssigned { assignment: plain() };
    let unassign = || ServiceCommand::Unassign { staff_id: jana() };
    given([defined()]).when(assign(plain())).then_expect_events(vec![assigned.clone()]);
    given([defined(), assigned.clone()]).when(assign(plain())).then_expect_events(Vec::new());
    given([defined(), assigned])
        .when(unassign())
        .then_expect_events(vec![ServiceEvent::StaffUnassigned { staff_id: jana() }]);
    given([defined()]).when(unassign()).then_expect_events(Vec::new());
}

#[test]
fn assignment_on_impossible_terms_is_refused_with_its_field() {
    let own = |key: &str, minutes| Assignment {
        custom_active_min: BTreeMap::from([(key.to_owned(), minutes)]),
        ..plain()
    };
    let francs = Currency::try_from("CHF".to_owned()).expect("a currency");
    let known = fold::<Service>([&defined()]);
    for (assignment, field) in [
        (own("C", 30), "custom_active_min/C"),
        (own("A", 7), "custom_active_min/A"),
        (Assignment { custom_price: Some(euro(-1)), ..plain() }, "custom_price"),
        (Assignment { custom_price: Some(Money::new(1, francs)), ..plain() }, "custom_price"),
    ] {
        assert_eq!(field_of(&known, assign(assignment)), field);
    }
}

#[test]
fn price_is_the_staff_members_else_the_branchs_else_the_services() {
    let dear = Assignment { custom_price: Some(euro(10_900)), ..plain() };
    let staff_price = ServiceEvent::StaffAssigned { assignment: dear };
    let branch_price =
        ServiceEvent::OfferSet { branch_id: branch(), offer: offer(Some(euro(9900))) };
    let price = |events: &[&ServiceEvent]| {
        fold::<Service>(events.iter().copied()).price_for(jana(), branch())
    };
    assert_eq!(price(&[]), None);
    assert_eq!(price(&[&defined()]), Some(euro(8900)));
    assert_eq!(price(&[&defined(), &branch_price]), Some(euro(9900)));
    assert_eq!(price(&[&defined(), &branch_price, &staff_price]), Some(euro(10_900)));
}

#[test]
fn price_of_another_duration_is_the_same_or_in_proportion_rounded_half_up() {
    let price = |price, asked_min| {
        let range = DurationRange { from_min: 5, to_min: 120, step_min: 5, price };
        let profile = ServiceProfile {
            phases: vec![active("A", 60)],
            price: euro(101),
            rules: BookingRules { duration: Some(range), ..BookingRules::default() },
            ..profile()
        };
        let slow =
            Assignment { custom_active_min: BTreeMap::from([("A".to_owned(), 90)]), ..plain() };
        let (defined, assigned) =
            (ServiceEvent::Defined { profile }, ServiceEvent::StaffAssigned { assignment: slow });
        let service = fold::<Service>([&defined]);
        let slower = fold::<Service>([&defined, &assigned]);
        let of = |service: &Service| {
            service.price_lasting(jana(), branch(), asked_min).map(|price| price.amount_minor)
        };
        (of(&service), of(&slower))
    };
    assert_eq!(price(DurationPrice::Fixed, Some(30)), (Some(101), Some(101)));
    assert_eq!(price(DurationPrice::PerMinute, None), (Some(101), Some(101)));
    assert_eq!(price(DurationPrice::PerMinute, Some(30)), (Some(51), Some(34)));
    assert_eq!(price(DurationPrice::PerMinute, Some(90)), (Some(152), Some(101)));
}

#[test]
fn branch_that_does_not_offer_it_says_so() {
    let none = BranchOffer { is_offered: false, price: None };
    let set = || ServiceCommand::SetOffer {
        branch_id: branch(),
        offer: BranchOffer { is_offered: false, price: None },
    };
    let offer_set = ServiceEvent::OfferSet { branch_id: branch(), offer: none };
    given([defined()]).when(set()).then_expect_events(vec![offer_set.clone()]);
    given([defined(), offer_set.clone()]).when(set()).then_expect_events(Vec::new());
    assert!(fold::<Service>([&defined()]).is_offered_at(branch()));
    assert!(!fold::<Service>([&defined(), &offer_set]).is_offered_at(branch()));
}

#[test]
fn offer_below_nothing_is_refused() {
    given([defined()])
        .when(ServiceCommand::SetOffer { branch_id: branch(), offer: offer(Some(euro(-1))) })
        .then_expect_error(MasterDataError::invalid("price", "a price is not negative"));
}

#[test]
fn service_is_taken_off_the_list_and_put_back() {
    let active = |is_active| ServiceCommand::SetActive { is_active };
    given([defined()]).when(active(true)).then_expect_events(Vec::new());
    given([defined()]).when(active(false)).then_expect_events(vec![ServiceEvent::Deactivated]);
    given([defined(), ServiceEvent::Deactivated])
        .when(active(true))
        .then_expect_events(vec![ServiceEvent::Activated]);
}

#[test]
fn customer_is_there_through_processing_but_not_through_the_last_transition() {
    let phases = vec![
        PhaseTemplate { processing_min: 30, transition_min: 5, ..active("A", 40) },
        PhaseTemplate { transition_min: 10, ..active("B", 15) },
    ];
    assert_eq!(ServiceProfile { phases, ..profile() }.duration_min(), 85);
}

fn range(from_min: u16, to_min: u16) -> DurationRange {
    DurationRange { from_min, to_min, step_min: 5, price: DurationPrice::Fixed }
}

fn with_range(range: DurationRange) -> ServiceProfile {
    let rules = BookingRules { duration: Some(range), ..BookingRules::default() };
    ServiceProfile { phases: vec![active("A", 30)], rules, ..profile() }
}

fn given<const N: usize>(events: [ServiceEvent; N]) -> AggregateTestExecutor<Service> {
    TestFramework::<Service>::with(()).given(events.to_vec())
}

fn field_of(state: &Service, command: ServiceCommand) -> String {
    state.decide(command).expect_err("the field is wrong").field().expect("it is named")
}

fn define(profile: ServiceProfile) -> ServiceCommand {
    ServiceCommand::Define { profile }
}

fn defined() -> ServiceEvent {
    ServiceEvent::Defined { profile: profile() }
}

fn assign(assignment: Assignment) -> ServiceCommand {
    ServiceCommand::Assign { assignment }
}

fn plain() -> Assignment {
    Assignment::plain(jana())
}

fn offer(price: Option<Money>) -> BranchOffer {
    BranchOffer { is_offered: true, price }
}

fn active(key: &str, minutes: u16) -> PhaseTemplate {
    PhaseTemplate::active(key, minutes)
}

fn euro(amount_minor: i64) -> Money {
    Money::new(amount_minor, Currency::EUR)
}

fn jana() -> StaffId {
    StaffId::new(Uuid::from_u128(3))
}

fn branch() -> BranchId {
    BranchId::new(Uuid::from_u128(2))
}

fn profile() -> ServiceProfile {
    ServiceProfile {
        company_id: CompanyId::new(Uuid::from_u128(1)),
        name: "Root colour".to_owned(),
        description: None,
        phases: vec![active("A", 30), active("B", 15)],
        price: euro(8900),
        rules: BookingRules::default(),
        external_ref: None,
    }
}
