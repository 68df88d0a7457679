//! Who is busy when during a phase.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{PhaseId, ResourceId, ServiceId, StaffId},
    slot::Slot,
};

/// Who is busy when during a phase. Buffers are not part of it: they only widen the claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhasePlan {
    /// The phase.
    pub phase_id: PhaseId,
    /// Its key within the service: `A`, `B` … (MD-17).
    pub key: String,
    /// The service that it is a part of.
    pub service_id: ServiceId,
    /// Who does it.
    pub staff_id: StaffId,
    /// Staff and client are busy.
    pub active: Slot,
    /// The staff member is busy: active and transition.
    pub staff_busy: Slot,
    /// The client is busy: active and processing (CTR-41).
    pub client_busy: Slot,
    /// The room or the piece of equipment that is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceUse>,
}

/// Units of a resource during a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceUse {
    /// Which one.
    pub resource_id: ResourceId,
    /// How many units of it.
    pub units: u16,
    /// When.
    pub slot: Slot,
}
