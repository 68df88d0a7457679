//! What a company accepts and refuses.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::{
    aggregate::Decide as _,
    master_data::MasterDataError,
    money::Currency,
    policy::{Fee, ViolationAction},
    refusal::Refusal as _,
};

#[test]
fn registering_a_company_again_records_nothing() {
    given([]).when(register(profile("Nord"))).then_expect_events(vec![registered()]);
    given([registered()]).when(register(profile("Nord"))).then_expect_events(Vec::new());
}

#[test]
fn id_of_another_company_is_refused() {
    given([registered()])
        .when(register(profile("South")))
        .then_expect_error(MasterDataError::AlreadyRegistered { what: "company" });
}

#[test]
fn unknown_company_refuses_everything_else() {
    let missing = MasterDataError::NotFound { what: "company", field: "company_id" };
    for command in [
        CompanyCommand::Change { profile: profile("South") },
        CompanyCommand::SetPolicies { policies: Policies::default() },
        CompanyCommand::SetActive { is_active: true },
    ] {
        given([]).when(command).then_expect_error(missing.clone());
    }
}

#[test]
fn changed_name_is_recorded_once() {
    let change = || CompanyCommand::Change { profile: profile("South") };
    let changed = CompanyEvent::Changed { profile: profile("South") };
    given([registered()]).when(change()).then_expect_events(vec![changed.clone()]);
    given([registered(), changed]).when(change()).then_expect_events(Vec::new());
}

#[test]
fn currency_stays_because_prices_rest_on_it() {
    let mut in_francs = profile("Nord");
    in_francs.currency = Currency::try_from("CHF".to_owned()).expect("a currency");
    given([registered()]).when(CompanyCommand::Change { profile: in_francs }).then_expect_error(
        MasterDataError::invalid("currency", "the company's currency stays EUR"),
    );
}

#[test]
fn wrong_field_is_named() {
    for (region, name, currency, field) in [
        ("de", "Nord", "EUR", "phone_region"),
        ("DEU", "Nord", "EUR", "phone_region"),
        ("QQ", "Nord", "EUR", "phone_region"),
        ("DE", "", "EUR", "name"),
        ("DE", "Nord", "QQQ", "currency"),
        ("DE", "Nord", "XAU", "currency"),
    ] {
        let currency = Currency::try_from(currency.to_owned()).expect("three letters");
        let profile = CompanyProfile { phone_region: region.to_owned(), currency, ..profile(name) };
        assert_eq!(field_of(&Company::default(), register(profile)), field);
    }
}

#[test]
fn policies_are_the_defaults_until_they_are_set_to_others() {
    let defaults = Policies::default();
    assert_eq!(defaults.cancellation.min_hours_notice, 24);
    assert_eq!(defaults.reschedule.max_per_booking, 3);
    given([registered()]).when(set(defaults)).then_expect_events(Vec::new());
    let mut strict = Policies::default();
    strict.cancellation.min_hours_notice = 48;
    let policies_set = CompanyEvent::PoliciesSet { policies: strict.clone() };
    given([registered()]).when(set(strict.clone())).then_expect_events(vec![policies_set.clone()]);
    given([registered(), policies_set]).when(set(strict)).then_expect_events(Vec::new());
}

#[test]
fn charging_a_fee_of_nothing_is_refused() {
    for fee in [Fee::None, Fee::FixedMinor(0), Fee::Percent(0)] {
        let mut policies = Policies::default();
        policies.cancellation.violation_action = ViolationAction::ChargeFee;
        policies.cancellation.fee = fee;
        given([registered()]).when(set(policies)).then_expect_error(MasterDataError::invalid(
            "cancellation.fee",
            "charge_fee needs a fee above zero",
        ));
    }
}

#[test]
fn policies_that_cannot_be_kept_are_refused_with_their_field() {
    let with = |change: fn(&mut Policies)| {
        let mut policies = Policies::default();
        change(&mut policies);
        set(policies)
    };
    let known = folded();
    for (command, field) in [
        (with(|policies| policies.reschedule.fee = Fee::FixedMinor(-1)), "reschedule.fee"),
        (with(|policies| policies.cancellation.fee = Fee::Percent(101)), "cancellation.fee"),
        (with(|policies| policies.recurring.min_length = 0), "recurring.max_length"),
        (with(|policies| policies.recurring.max_length = 367), "recurring.max_length"),
        (with(|policies| policies.recurring.max_length = 3), "recurring.min_length"),
    ] {
        assert_eq!(field_of(&known, command), field);
    }
}

#[test]
fn inactive_company_is_activated_once() {
    let active = |is_active| CompanyCommand::SetActive { is_active };
    given([registered()]).when(active(true)).then_expect_events(Vec::new());
    given([registered()]).when(active(false)).then_expect_events(vec![CompanyEvent::Deactivated]);
    given([registered(), CompanyEvent::Deactivated])
        .when(active(true))
        .then_expect_events(vec![CompanyEvent::Activated]);
}

fn given<const N: usize>(events: [CompanyEvent; N]) -> AggregateTestExecutor<Company> {
    TestFramework::<Company>::with(()).given(events.to_vec())
}

fn folded() -> Company {
    crate::aggregate::fold([&registered()])
}

fn field_of(state: &Company, command: CompanyCommand) -> String {
    state.decide(command).expect_err("the field is wrong").field().expect("it is named")
}

fn register(profile: CompanyProfile) -> CompanyCommand {
    CompanyCommand::Register { profile }
}

fn registered() -> CompanyEvent {
    CompanyEvent::Registered { profile: profile("Nord") }
}

fn set(policies: Policies) -> CompanyCommand {
    CompanyCommand::SetPolicies { policies }
}

fn profile(name: &str) -> CompanyProfile {
    CompanyProfile {
        name: name.to_owned(),
        zone: chrono_tz::Europe::Berlin,
        currency: Currency::EUR,
        phone_region: "DE".to_owned(),
        external_ref: None,
    }
}
