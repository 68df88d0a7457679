//! What happened to a hold.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    appointment::Plan,
    ids::{AppointmentId, BranchId, CompanyId, ServiceId},
};

/// What is kept, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The company.
    pub company_id: CompanyId,
    /// The branch.
    pub branch_id: BranchId,
    /// The services, in order.
    pub service_ids: Vec<ServiceId>,
    /// The active minutes that were asked for, by place in `service_ids`; empty when none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub durations: Vec<Option<u16>>,
    /// The places.
    pub plan: Plan,
    /// Since when.
    pub placed_at: DateTime<Utc>,
    /// From then on it does not count.
    pub expires_at: DateTime<Utc>,
}

/// What happened to a hold. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum HoldEvent {
    /// The places are kept.
    Placed(Box<Held>),
    /// They are kept longer.
    Extended {
        /// Until when.
        expires_at: DateTime<Utc>,
    },
    /// They were given back.
    Released {},
    /// They were booked.
    Booked {
        /// For which appointment.
        appointment_id: AppointmentId,
    },
}

crate::event_kinds!(HoldEvent {
    Placed => "hold.placed" @ "1.0.0",
    Extended => "hold.extended" @ "1.0.0",
    Released => "hold.released" @ "1.0.0",
    Booked => "hold.booked" @ "1.0.0",
});
