//! What happened to a company.

use serde::{Deserialize, Serialize};

use super::{CompanyProfile, Policies};

/// What happened to a company. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum CompanyEvent {
    /// It was registered, active.
    Registered {
        /// Everything about it.
        profile: CompanyProfile,
    },
    /// Something about it changed.
    Changed {
        /// Everything about it, as it is now.
        profile: CompanyProfile,
    },
    /// Its policies were set.
    PoliciesSet {
        /// All of them.
        policies: Policies,
    },
    /// It is in use again.
    Activated,
    /// It is no longer in use; what was agreed stays.
    Deactivated,
}

crate::event_kinds!(CompanyEvent {
    Registered => "company.registered" @ "1.0.0",
    Changed => "company.changed" @ "1.0.0",
    PoliciesSet => "company.policies_set" @ "1.0.0",
    Activated => "company.activated" @ "1.0.0",
    Deactivated => "company.deactivated" @ "1.0.0",
});
