//! What differs for a service at one branch (MD-04).

use crate::{
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{BranchId, ServiceId},
    master_data::MasterDataError,
    ports::EventLog,
    service::{BranchOffer, Service, ServiceCommand},
};

use super::{
    one::{Saved, check_version, saved},
    register::{Parent, check_parent},
};

/// Offers a service at a branch of its company on other terms, or not at all.
#[derive(Clone, Debug)]
pub struct OfferAt {
    /// The service.
    pub service_id: ServiceId,
    /// The branch.
    pub branch_id: BranchId,
    /// Its terms.
    pub offer: BranchOffer,
    /// The version of the service that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

impl UnitCommand for OfferAt {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        let id = self.service_id.uuid();
        if let Err(refusal) = check_version::<Service, L>(unit, id, self.expected).await? {
            return Ok(Err(refusal));
        }
        let service = unit.load::<Service>(id).await?;
        let company_id = service.profile().map(|profile| profile.company_id);
        drop(service);
        let (branch_id, offer) = (self.branch_id, self.offer.clone());
        let command = ServiceCommand::SetOffer { branch_id, offer };
        if let Err(refusal) = unit.decide::<Service>(id, command).await? {
            return Ok(Err(refusal));
        }
        if let Some(company_id) = company_id {
            let parent = Parent::Branch(company_id, branch_id, "branch_id");
            if let Err(refusal) = check_parent(unit, parent, id).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(saved::<Service, L>(unit, id)))
    }
}
