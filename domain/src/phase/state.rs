//! Where a phase stands.

use serde::{Deserialize, Serialize};

use crate::ids::AppointmentId;

use super::{PhaseEvent, PhasePlan};

/// Where a phase stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    planned: Option<(AppointmentId, PhasePlan)>,
    is_cancelled: bool,
}

impl Phase {
    /// The appointment that it belongs to, and who is busy when.
    pub fn planned(&self) -> Option<(AppointmentId, &PhasePlan)> {
        self.planned.as_ref().map(|(appointment_id, plan)| (*appointment_id, plan))
    }

    /// Whether it was called off.
    pub const fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    pub(super) fn apply_event(&mut self, event: &PhaseEvent) {
        match event {
            PhaseEvent::Planned { appointment_id, plan } => {
                self.planned = Some((*appointment_id, plan.clone()));
            }
            PhaseEvent::Moved { to, .. } => {
                if let Some((_, plan)) = &mut self.planned {
                    *plan = to.clone();
                }
            }
            PhaseEvent::Cancelled { .. } => self.is_cancelled = true,
        }
    }
}
