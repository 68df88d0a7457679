//! A service that a company offers: its phase template, price, rules, and who does it.
//!
//! Invariants:
//! - it has at least one phase, and phase keys are unique;
//! - every duration lies on the 5-minute grid;
//! - every price is kept in one currency;
//! - a staff member is assigned once.

mod command;
mod decide;
mod event;
mod profile;
mod state;
mod template;
#[cfg(test)]
mod tests;

pub use self::{
    command::ServiceCommand,
    event::ServiceEvent,
    profile::{BranchOffer, ServiceProfile},
    state::Service,
    template::{
        Assignment, AssignmentRule, BookingLimits, BookingRules, DurationPrice, DurationRange,
        GridFrom, PhaseTemplate, ResourceNeed, Strategy,
    },
};

crate::cqrs_aggregate!(Service);
