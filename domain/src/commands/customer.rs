//! Registering and changing customers: one customer per phone number in a company (AT-56).

use uuid::Uuid;

use crate::{
    customer::{Contact, Customer, CustomerCommand},
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{BranchId, CompanyId},
    master_data::MasterDataError,
    ports::EventLog,
    unique_key::UniqueKey,
};

use super::{
    one::{Saved, check_version, saved},
    register::{Parent, check_parent, move_keys},
};

/// The keyed hashes that a customer is found by, made by the vault: the number and the reference
/// themselves stand in no stream id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerIndexes {
    /// That of the phone number.
    pub phone: Option<String>,
    /// That of the outside reference.
    pub external_ref: Option<String>,
}

/// Registers a customer.
#[derive(Clone, Debug)]
pub struct RegisterCustomer {
    /// The customer's id, made by the caller's id source.
    pub id: Uuid,
    /// Whose customer.
    pub company_id: CompanyId,
    /// How to reach the customer.
    pub contact: Contact,
    /// What the customer is found by.
    pub indexes: CustomerIndexes,
}

/// Changes how a customer is reached.
#[derive(Clone, Debug)]
pub struct ChangeCustomer {
    /// Who.
    pub id: Uuid,
    /// How to reach the customer now.
    pub contact: Contact,
    /// What the customer was found by.
    pub indexes_before: CustomerIndexes,
    /// What the customer is found by now.
    pub indexes: CustomerIndexes,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// The unique key of a phone number in a company.
pub(crate) fn phone_key(company_id: CompanyId, phone_index: &str) -> String {
    format!("customer-phone:{company_id}:{phone_index}")
}

/// The unique keys of a customer: `(stream id, field)`.
pub(super) fn keys(
    company_id: CompanyId,
    indexes: &CustomerIndexes,
) -> Vec<(String, &'static str)> {
    let phone = indexes.phone.as_ref().map(|index| (phone_key(company_id, index), "phone"));
    let reference = indexes.external_ref.as_ref();
    let reference = reference.map(|it| (format!("customer-ref-index:{it}"), "external_ref"));
    phone.into_iter().chain(reference).collect()
}

/// The key of a reference as it was written once, in clear: nothing is claimed by it any more.
pub(super) fn old_key(contact: Option<&Contact>) -> Option<(String, &'static str)> {
    let reference = contact?.external_ref.as_ref()?.value()?;
    Some((format!("customer-ref:{reference}"), "external_ref"))
}

/// Refuses a reference that somebody else has since it was written in clear.
async fn check_old_key<L: EventLog>(
    unit: &mut Unit<'_, L>,
    id: Uuid,
    contact: &Contact,
) -> Result<Result<(), MasterDataError>, UnitError> {
    let Some((key, field)) = old_key(Some(contact)) else { return Ok(Ok(())) };
    let held = unit.load::<UniqueKey>(&key).await?;
    let owner = held.owner().filter(|owner| *owner != id.to_string());
    Ok(owner.map_or(Ok(()), |owner| Err(MasterDataError::Taken { field, owner: owner.to_owned() })))
}

/// Refuses a preferred branch that the customer's company does not have.
async fn check_preferred<L: EventLog>(
    unit: &mut Unit<'_, L>,
    company_id: CompanyId,
    branch: Option<BranchId>,
    id: Uuid,
) -> Result<Result<(), MasterDataError>, UnitError> {
    match branch {
        Some(branch) => check_parent(unit, Parent::PreferredBranch(company_id, branch), id).await,
        None => Ok(Ok(())),
    }
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
        let branch = self.contact.preferred_branch_id;
        if let Err(refusal) = check_preferred(unit, self.company_id, branch, self.id).await? {
            return Ok(Err(refusal));
        }
        let register = CustomerCommand::Register {
            company_id: self.company_id,
            contact: self.contact.clone(),
        };
        if let Err(refusal) = unit.decide::<Customer>(self.id, register).await? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = check_old_key(unit, self.id, &self.contact).await? {
            return Ok(Err(refusal));
        }
        let keys = keys(self.company_id, &self.indexes);
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
        let old = old_key(customer.contact());
        let before = customer.contact().and_then(|contact| contact.preferred_branch_id);
        drop(customer);
        // A branch that the customer preferred already may be out of use by now.
        let branch = self.contact.preferred_branch_id.filter(|branch| before != Some(*branch));
        let change = CustomerCommand::ChangeContact { contact: self.contact.clone() };
        if let Err(refusal) = unit.decide::<Customer>(self.id, change).await? {
            return Ok(Err(refusal));
        }
        if let Some(company_id) = company_id {
            if let Err(refusal) = check_preferred(unit, company_id, branch, self.id).await? {
                return Ok(Err(refusal));
            }
            if let Err(refusal) = check_old_key(unit, self.id, &self.contact).await? {
                return Ok(Err(refusal));
            }
            let before = keys(company_id, &self.indexes_before).into_iter().chain(old);
            let before: Vec<_> = before.collect();
            let after = keys(company_id, &self.indexes);
            if let Err(refusal) = move_keys(unit, self.id, &before, &after).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(saved::<Customer, L>(unit, self.id)))
    }
}
