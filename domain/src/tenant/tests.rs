//! Limits and features of a tenant.

use uuid::Uuid;

use super::*;
use crate::aggregate::Evolve as _;

fn after(commands: impl IntoIterator<Item = TenantCommand>) -> Tenant {
    let mut state = Tenant::default();
    for command in commands {
        for event in state.decide(command).expect("the command is accepted") {
            state.evolve(&event);
        }
    }
    state
}

fn open() -> TenantCommand {
    TenantCommand::Open { name: "Salon group".to_owned() }
}

fn add(number: u128) -> TenantCommand {
    TenantCommand::AddCompany { company_id: CompanyId::new(Uuid::from_u128(number)) }
}

fn limit(companies: u32) -> TenantCommand {
    let limits = UsageLimits { companies: Some(companies), ..UsageLimits::default() };
    TenantCommand::SetLimits { limits }
}

#[test]
fn one_company_above_the_limit_is_refused() {
    let state = after([open(), limit(1), add(1)]);
    let refusal = state.decide(add(2)).unwrap_err();
    assert_eq!(refusal, MasterDataError::LimitReached { what: "companies", limit: 1 });
}

#[test]
fn a_company_that_is_counted_already_is_not_counted_again() {
    assert_eq!(after([open(), limit(1), add(1)]).decide(add(1)), Ok(Vec::new()));
}

#[test]
fn an_unopened_tenant_refuses_everything_else() {
    for command in [limit(1), add(1)] {
        let refusal = Tenant::default().decide(command).unwrap_err();
        assert_eq!(refusal, MasterDataError::NotFound { what: "tenant", field: "tenant_id" });
    }
}

#[test]
fn a_feature_is_off_until_it_is_switched_on() {
    let switch = |is_enabled| TenantCommand::SetFeature { feature: "phone".to_owned(), is_enabled };
    assert!(!after([open()]).has_feature("phone"));
    assert!(after([open(), switch(true)]).has_feature("phone"));
    assert!(!after([open(), switch(true), switch(false)]).has_feature("phone"));
}

#[test]
fn an_event_is_skipped_for_one_projector_and_with_a_reason() {
    let skip = |reason: &str| TenantCommand::SkipEvent {
        projector: "appointments".to_owned(),
        position: 7,
        reason: reason.to_owned(),
    };
    assert!(after([open()]).decide(skip(" ")).is_err());
    let state = after([open(), skip("written twice")]);
    assert_eq!(state.skips("appointments").collect::<Vec<_>>(), [7]);
    assert_eq!(state.skips("customers").count(), 0);
    assert_eq!(state.decide(skip("again")), Ok(Vec::new()));
}
