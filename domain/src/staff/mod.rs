//! A staff member of a company: where, when and as what (MD-01, MD-05).
//!
//! Invariants:
//! - a staff member never moves to another company and keeps the zone of the own calendar;
//! - a staff member works at one branch at least;
//! - hours at a branch stand before the general ones, a date exception before both (CTR-53).

mod command;
mod decide;
mod event;
mod profile;
mod state;
#[cfg(test)]
mod tests;

pub use self::{command::StaffCommand, event::StaffEvent, profile::StaffProfile, state::Staff};

crate::cqrs_aggregate!(Staff);
