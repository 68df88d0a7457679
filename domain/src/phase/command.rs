//! What a caller may ask of a phase.

use crate::ids::AppointmentId;

use super::PhasePlan;

/// What a caller may ask of a phase.
#[derive(Clone, Debug)]
pub enum PhaseCommand {
    /// Plan it.
    Plan {
        /// The appointment that it belongs to.
        appointment_id: AppointmentId,
        /// Who is busy when.
        plan: PhasePlan,
    },
    /// Move it, in time or to another staff member.
    Move {
        /// Who is busy when now.
        plan: PhasePlan,
    },
    /// Call it off.
    Cancel,
}
