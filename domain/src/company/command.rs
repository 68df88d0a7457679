//! What a caller may ask of a company.

use super::{CompanyProfile, Policies};

/// What a caller may ask of a company.
#[derive(Clone, Debug)]
pub enum CompanyCommand {
    /// Register it.
    Register {
        /// Everything about it.
        profile: CompanyProfile,
    },
    /// Change something about it.
    Change {
        /// Everything about it, as it is to be.
        profile: CompanyProfile,
    },
    /// Set its policies.
    SetPolicies {
        /// All of them.
        policies: Policies,
    },
    /// Use it again, or no longer.
    SetActive {
        /// Whether it is to be used.
        is_active: bool,
    },
}
