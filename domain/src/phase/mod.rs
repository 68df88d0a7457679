//! One staff-active segment of an appointment: who is busy when (CTR-40, APT-10).
//!
//! A phase is an aggregate of its own because each one is mirrored to the outside by itself.
//!
//! Invariants:
//! - a phase belongs to one appointment and keeps its id while it moves;
//! - a cancelled phase stays cancelled.

mod command;
mod error;
mod event;
mod plan;
mod state;
#[cfg(test)]
mod tests;

use crate::aggregate::{Decide, Evolve};

pub use self::{
    command::PhaseCommand,
    error::PhaseError,
    event::PhaseEvent,
    plan::{PhasePlan, ResourceUse},
    state::Phase,
};

impl Decide for Phase {
    type Command = PhaseCommand;
    type Error = PhaseError;

    fn decide(&self, command: PhaseCommand) -> Result<Vec<PhaseEvent>, PhaseError> {
        match command {
            PhaseCommand::Plan { appointment_id, plan } => match self.planned() {
                None => Ok(vec![PhaseEvent::Planned { appointment_id, plan }]),
                Some((owner, held)) if owner == appointment_id && *held == plan => Ok(Vec::new()),
                Some(_) => Err(PhaseError::AlreadyPlanned),
            },
            PhaseCommand::Move { plan } => match self.planned() {
                None => Err(PhaseError::NotFound),
                Some(_) if self.is_cancelled() => Err(PhaseError::Cancelled),
                Some((_, held)) if *held == plan => Ok(Vec::new()),
                Some((_, held)) => Ok(vec![PhaseEvent::Moved { from: held.clone(), to: plan }]),
            },
            PhaseCommand::Cancel => match self.planned() {
                None => Err(PhaseError::NotFound),
                Some(_) if self.is_cancelled() => Ok(Vec::new()),
                Some((appointment_id, _)) => Ok(vec![PhaseEvent::Cancelled { appointment_id }]),
            },
        }
    }
}

crate::cqrs_aggregate!(Phase);

impl Evolve for Phase {
    const TYPE: &'static str = "phase";
    type Event = PhaseEvent;

    fn evolve(&mut self, event: &PhaseEvent) {
        self.apply_event(event);
    }
}
