//! What a service accepts and refuses.

use crate::{aggregate::Decide, ids::BranchId, master_data::MasterDataError};

use super::{Assignment, BranchOffer, Service, ServiceCommand, ServiceEvent, ServiceProfile};

impl Decide for Service {
    type Command = ServiceCommand;
    type Error = MasterDataError;

    fn decide(&self, command: ServiceCommand) -> Result<Vec<ServiceEvent>, MasterDataError> {
        match command {
            ServiceCommand::Define { profile } => self.define(profile),
            ServiceCommand::Change { profile } => self.change(profile),
            ServiceCommand::SetOffer { branch_id, offer } => self.set_offer(branch_id, offer),
            ServiceCommand::Assign { assignment } => self.assign(assignment),
            ServiceCommand::Unassign { staff_id } => {
                self.known()?;
                Ok(if self.assignment(staff_id).is_some() {
                    vec![ServiceEvent::StaffUnassigned { staff_id }]
                } else {
                    Vec::new()
                })
            }
            ServiceCommand::SetActive { is_active } => {
                self.known()?;
                Ok(match (self.is_active(), is_active) {
                    (false, true) => vec![ServiceEvent::Activated],
                    (true, false) => vec![ServiceEvent::Deactivated],
                    (true, true) | (false, false) => Vec::new(),
                })
            }
        }
    }
}

impl Service {
    fn known(&self) -> Result<&ServiceProfile, MasterDataError> {
        self.profile().ok_or(MasterDataError::NotFound { what: "service", field: "service_id" })
    }

    fn define(&self, profile: ServiceProfile) -> Result<Vec<ServiceEvent>, MasterDataError> {
        match self.profile() {
            Some(held) if *held == profile => Ok(Vec::new()),
            Some(_) => Err(MasterDataError::AlreadyRegistered { what: "service" }),
            None => {
                profile.check()?;
                Ok(vec![ServiceEvent::Defined { profile }])
            }
        }
    }

    fn change(&self, profile: ServiceProfile) -> Result<Vec<ServiceEvent>, MasterDataError> {
        let held = self.known()?;
        profile.check()?;
        profile.check_change(held)?;
        for assignment in self.assignments() {
            profile.check_assignment(assignment)?;
        }
        Ok(if *held == profile { Vec::new() } else { vec![ServiceEvent::Changed { profile }] })
    }

    fn set_offer(
        &self,
        branch_id: BranchId,
        offer: BranchOffer,
    ) -> Result<Vec<ServiceEvent>, MasterDataError> {
        self.known()?.check_offer(&offer)?;
        Ok(if self.offer(branch_id) == Some(&offer) {
            Vec::new()
        } else {
            vec![ServiceEvent::OfferSet { branch_id, offer }]
        })
    }

    fn assign(&self, assignment: Assignment) -> Result<Vec<ServiceEvent>, MasterDataError> {
        self.known()?.check_assignment(&assignment)?;
        Ok(if self.assignment(assignment.staff_id) == Some(&assignment) {
            Vec::new()
        } else {
            vec![ServiceEvent::StaffAssigned { assignment }]
        })
    }
}
