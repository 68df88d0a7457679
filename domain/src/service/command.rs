//! What a caller may ask of a service.

use crate::ids::{BranchId, StaffId};

use super::{Assignment, BranchOffer, ServiceProfile};

/// What a caller may ask of a service.
#[derive(Clone, Debug)]
pub enum ServiceCommand {
    /// Define it.
    Define {
        /// Everything about it.
        profile: ServiceProfile,
    },
    /// Change something about it.
    Change {
        /// Everything about it, as it is to be.
        profile: ServiceProfile,
    },
    /// Offer it at a branch on other terms, or not at all.
    SetOffer {
        /// The branch.
        branch_id: BranchId,
        /// Its terms.
        offer: BranchOffer,
    },
    /// Let a staff member do it, or on other terms.
    Assign {
        /// Who, and on what terms.
        assignment: Assignment,
    },
    /// Let a staff member no longer do it.
    Unassign {
        /// Who.
        staff_id: StaffId,
    },
    /// Offer it again, or no longer.
    SetActive {
        /// Whether it is to be offered.
        is_active: bool,
    },
}
