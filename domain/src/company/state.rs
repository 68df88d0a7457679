//! The part of a company's history that decisions need.

use serde::{Deserialize, Serialize};

use crate::aggregate::Evolve;

use super::{CompanyEvent, CompanyProfile, Policies};

/// The part of a company's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    profile: Option<CompanyProfile>,
    is_active: bool,
    policies: Policies,
}

impl Company {
    /// Everything about it; `None` until it was registered.
    pub const fn profile(&self) -> Option<&CompanyProfile> {
        self.profile.as_ref()
    }

    /// Whether it is in use.
    pub const fn is_active(&self) -> bool {
        self.is_active
    }

    /// Its policies; the defaults until they were set.
    pub const fn policies(&self) -> &Policies {
        &self.policies
    }
}

impl Evolve for Company {
    const TYPE: &'static str = "company";
    type Event = CompanyEvent;

    fn evolve(&mut self, event: &CompanyEvent) {
        match event {
            CompanyEvent::Registered { profile } => {
                self.profile = Some(profile.clone());
                self.is_active = true;
            }
            CompanyEvent::Changed { profile } => self.profile = Some(profile.clone()),
            CompanyEvent::PoliciesSet { policies } => self.policies = policies.clone(),
            CompanyEvent::Activated => self.is_active = true,
            CompanyEvent::Deactivated => self.is_active = false,
        }
    }
}
