//! What happened to a service.

use serde::{Deserialize, Serialize};

use crate::ids::{BranchId, StaffId};

use super::{Assignment, BranchOffer, ServiceProfile};

/// What happened to a service. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum ServiceEvent {
    /// It was defined, active.
    Defined {
        /// Everything about it.
        profile: ServiceProfile,
    },
    /// Something about it changed.
    Changed {
        /// Everything about it, as it is now.
        profile: ServiceProfile,
    },
    /// A branch offers it on terms of its own, or does not offer it.
    OfferSet {
        /// The branch.
        branch_id: BranchId,
        /// Its terms.
        offer: BranchOffer,
    },
    /// A staff member does it, or does it on other terms.
    StaffAssigned {
        /// Who, and on what terms.
        assignment: Assignment,
    },
    /// A staff member no longer does it.
    StaffUnassigned {
        /// Who.
        staff_id: StaffId,
    },
    /// It is offered again.
    Activated,
    /// It is no longer offered; what was booked stays.
    Deactivated,
}

crate::event_kinds!(ServiceEvent {
    Defined => "service.defined" @ "1.0.0",
    Changed => "service.changed" @ "1.0.0",
    OfferSet => "service.offer_set" @ "1.0.0",
    StaffAssigned => "service.staff_assigned" @ "1.0.0",
    StaffUnassigned => "service.staff_unassigned" @ "1.0.0",
    Activated => "service.activated" @ "1.0.0",
    Deactivated => "service.deactivated" @ "1.0.0",
});
