//! When somebody is forgotten, and what of them is free again.

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::{super::*, House, customer, erase};
use crate::{
    customer::{Customer, CustomerCommand},
    dispatch::{Unit, UnitCommand, UnitError},
    ids::CustomerId,
    master_data::MasterDataError,
    outside_ref::OutsideRef,
    ports::EventLog,
    refusal::Refusal as _,
    testing::{TENANT, context},
    unique_key::{UniqueKey, UniqueKeyCommand},
};

#[tokio::test]
async fn customer_whose_grace_is_not_over_is_not_forgotten_by_the_job() {
    let house = House::furnished().await;
    house.run(&customer(20)).await.expect("a customer");
    let due = EraseCustomer { only_if_due: true, ..erase(20) };
    let (at, id) = (DateTime::UNIX_EPOCH, Uuid::from_u128(20));
    let after = house.event_count();
    house.run(&due).await.expect("nobody asked for it");
    assert_eq!(house.event_count(), after);
    let wish = |days| CustomerCommand::RequestErasure { at, due_at: at + TimeDelta::days(days) };
    house.ask::<Customer>(id, wish(1)).await.expect("a wish");
    let after = house.event_count();
    house.run(&due).await.expect("the grace is not over");
    assert_eq!(house.event_count(), after);
    let withdraw = CustomerCommand::WithdrawErasure { at };
    house.ask::<Customer>(id, withdraw).await.expect("it is taken back");
    house.ask::<Customer>(id, wish(0)).await.expect("a wish for now");
    house.run(&due).await.expect("the customer is forgotten");
    let (state, _) = house.dispatcher.state::<Customer>(&context(at), id).await.expect("it");
    assert!(state.is_erased());
}

#[tokio::test]
async fn reference_that_was_claimed_in_clear_belongs_to_its_owner_until_that_one_goes() {
    let house = House::furnished().await;
    let with_reference = |id: u128| {
        let owner = CustomerId::new(Uuid::from_u128(id));
        let mut command = customer(id);
        command.contact.external_ref = Some(OutsideRef::new(owner, "crm-1".to_owned()));
        command.indexes =
            CustomerIndexes { phone: Some(id.to_string()), external_ref: Some("c3d4".to_owned()) };
        command
    };
    house.run(&Claimed("customer-ref:crm-1", 20)).await.expect("a claim of before");
    let refusal = house.run(&with_reference(21)).await.unwrap_err();
    assert_eq!(refusal.code(), "EXTERNAL_REF_TAKEN");
    house.run(&with_reference(20)).await.expect("it is the owner's");
    let erase = EraseCustomer { indexes: with_reference(20).indexes, ..erase(20) };
    house.run(&erase).await.expect("the owner is forgotten");
    house.run(&with_reference(21)).await.expect("the reference is free");
    let events = house.dispatcher.log().events(TENANT);
    let claims = events.iter().filter(|it| it.stream.aggregate_id.contains("crm-1"));
    assert_eq!(claims.count(), 2, "nothing but the old claim and its end is in clear");
}

/// Takes a value, as code of before did.
struct Claimed(&'static str, u128);

impl UnitCommand for Claimed {
    type Answer = ();
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<(), MasterDataError>, UnitError> {
        let owner = Uuid::from_u128(self.1).to_string();
        unit.decide::<UniqueKey>(self.0, UniqueKeyCommand::Claim { owner, field: "" }).await
    }
}
