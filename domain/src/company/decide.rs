//! What a company accepts and refuses.

use crate::{aggregate::Decide, master_data::MasterDataError};

use super::{Company, CompanyCommand, CompanyEvent, CompanyProfile, Policies};

impl Decide for Company {
    type Command = CompanyCommand;
    type Error = MasterDataError;

    fn decide(&self, command: CompanyCommand) -> Result<Vec<CompanyEvent>, MasterDataError> {
        match command {
            CompanyCommand::Register { profile } => self.register(profile.canonical()),
            CompanyCommand::Change { profile } => self.change(profile.canonical()),
            CompanyCommand::SetPolicies { policies } => self.set_policies(policies),
            CompanyCommand::SetActive { is_active } => self.set_active(is_active),
        }
    }
}

impl Company {
    fn known(&self) -> Result<&CompanyProfile, MasterDataError> {
        self.profile().ok_or(MasterDataError::NotFound { what: "company", field: "company_id" })
    }

    fn register(&self, profile: CompanyProfile) -> Result<Vec<CompanyEvent>, MasterDataError> {
        match self.profile() {
            Some(held) if *held == profile => Ok(Vec::new()),
            Some(_) => Err(MasterDataError::AlreadyRegistered { what: "company" }),
            None => {
                profile.check()?;
                Ok(vec![CompanyEvent::Registered { profile }])
            }
        }
    }

    fn change(&self, profile: CompanyProfile) -> Result<Vec<CompanyEvent>, MasterDataError> {
        let held = self.known()?;
        profile.check()?;
        profile.check_change(held)?;
        Ok(if *held == profile { Vec::new() } else { vec![CompanyEvent::Changed { profile }] })
    }

    fn set_active(&self, is_active: bool) -> Result<Vec<CompanyEvent>, MasterDataError> {
        self.known()?;
        Ok(match (self.is_active(), is_active) {
            (false, true) => vec![CompanyEvent::Activated],
            (true, false) => vec![CompanyEvent::Deactivated],
            (true, true) | (false, false) => Vec::new(),
        })
    }

    fn set_policies(&self, policies: Policies) -> Result<Vec<CompanyEvent>, MasterDataError> {
        self.known()?;
        policies.check()?;
        Ok(if *self.policies() == policies {
            Vec::new()
        } else {
            vec![CompanyEvent::PoliciesSet { policies }]
        })
    }
}
