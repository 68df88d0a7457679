//! Registering and changing customers: one customer per phone number in a company (AT-56).

use uuid::Uuid;

use crate::{
    customer::{Contact, Customer, CustomerCommand},
    dispatch::{Unit, UnitCommand, UnitError},
    ids::CompanyId,
    master_data::MasterDataError,
    ports::EventLog,
};

use super::{
    one::{Saved, check_version, saved},
    register::{Parent, check_parent, move_keys},
};

/// Registers a customer.
#[derive(Clone, Debug)]
pub struct RegisterCustomer {
    /// The customer's id, made by the caller's id source.
    pub id: Uuid,
    /// Whose customer.
    pub company_id: CompanyId,
    /// How to reach the customer.
    pub contact: Contact,
    /// The keyed hash of the phone number, made by the vault: the number itself stands in no
    /// stream id.
    pub phone_index: Option<String>,
}

/// Changes how a customer is reached.
#[derive(Clone, Debug)]
pub struct ChangeCustomer {
    /// Who.
    pub id: Uuid,
    /// How to reach the customer now.
    pub contact: Contact,
    /// The keyed hash of the phone number before.
    pub phone_index_before: Option<String>,
    /// The keyed hash of the phone number now.
    pub phone_index: Option<String>,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// Forgets a customer and gives the customer's keys back, so that the same person may come again
/// as somebody new. The vault destroys the customer's own key once this is recorded.
#[derive(Clone, Debug)]
pub struct EraseCustomer {
    /// Who.
    pub id: Uuid,
    /// The keyed hash of the phone number, made while it could still be read.
    pub phone_index: Option<String>,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// The unique key of a phone number in a company.
pub(crate) fn phone_key(company_id: CompanyId, phone_index: &str) -> String {
    format!("customer-phone:{company_id}:{phone_index}")
}

fn keys(
    company_id: CompanyId,
    phone_index: Option<&str>,
    external_ref: Option<&str>,
) -> Vec<(String, &'static str)> {
    let phone = phone_index.map(|index| (phone_key(company_id, index), "phone"));
    let reference =
        external_ref.map(|reference| (format!("customer-ref:{reference}"), "external_ref"));
    phone.into_iter().chain(reference).collect()
}

impl UnitCommand for RegisterCustomer {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        if let Err(refusal) = check_parent(unit, Parent::Company(self.company_id), self.id).await? {
            return Ok(Err(refusal));
        }
        let register = CustomerCommand::Register {
            company_id: self.company_id,
            contact: self.contact.clone(),
        };
        if let Err(refusal) = unit.decide::<Customer>(self.id, register).await? {
            return Ok(Err(refusal));
        }
        let reference = self.contact.external_ref.as_deref();
        let keys = keys(self.company_id, self.phone_index.as_deref(), reference);
        if let Err(refusal) = move_keys(unit, self.id, &[], &keys).await? {
            return Ok(Err(refusal));
        }
        Ok(Ok(saved::<Customer, L>(unit, self.id)))
    }
}

impl UnitCommand for ChangeCustomer {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        if let Err(refusal) = check_version::<Customer, L>(unit, self.id, self.expected).await? {
            return Ok(Err(refusal));
        }
        let customer = unit.load::<Customer>(self.id).await?;
        let company_id = customer.company_id();
        let held = customer.contact().and_then(|contact| contact.external_ref.clone());
        drop(customer);
        let change = CustomerCommand::ChangeContact { contact: self.contact.clone() };
        if let Err(refusal) = unit.decide::<Customer>(self.id, change).await? {
            return Ok(Err(refusal));
        }
        if let Some(company_id) = company_id {
            let before = keys(company_id, self.phone_index_before.as_deref(), held.as_deref());
            let reference = self.contact.external_ref.as_deref();
            let after = keys(company_id, self.phone_index.as_deref(), reference);
            if let Err(refusal) = move_keys(unit, self.id, &before, &after).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(saved::<Customer, L>(unit, self.id)))
    }
}

impl UnitCommand for EraseCustomer {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        if let Err(refusal) = check_version::<Customer, L>(unit, self.id, self.expected).await? {
            return Ok(Err(refusal));
        }
        let customer = unit.load::<Customer>(self.id).await?;
        let company_id = customer.company_id();
        let held = customer.contact().and_then(|contact| contact.external_ref.clone());
        drop(customer);
        if let Err(refusal) = unit.decide::<Customer>(self.id, CustomerCommand::Erase).await? {
            return Ok(Err(refusal));
        }
        if let Some(company_id) = company_id {
            let before = keys(company_id, self.phone_index.as_deref(), held.as_deref());
            if let Err(refusal) = move_keys(unit, self.id, &before, &[]).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(saved::<Customer, L>(unit, self.id)))
    }
}
