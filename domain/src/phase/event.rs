//! What happened to a phase.

use serde::{Deserialize, Serialize};

use crate::ids::AppointmentId;

use super::PhasePlan;

/// What happened to a phase. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum PhaseEvent {
    /// It was planned.
    Planned {
        /// The appointment that it belongs to.
        appointment_id: AppointmentId,
        /// Who is busy when.
        plan: PhasePlan,
    },
    /// It moved, in time or to another staff member.
    Moved {
        /// As it was.
        from: PhasePlan,
        /// As it is.
        to: PhasePlan,
    },
    /// It was called off.
    Cancelled {
        /// The appointment that it belongs to.
        appointment_id: AppointmentId,
    },
}

crate::event_kinds!(PhaseEvent {
    Planned => "phase.planned" @ "1.0.0",
    Moved => "phase.moved" @ "1.0.0",
    Cancelled => "phase.cancelled" @ "1.0.0",
});
