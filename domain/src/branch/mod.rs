//! A branch of a company: where it is, when it is open (TEN-09, MD-06).
//!
//! Invariants:
//! - it never moves to another company;
//! - its hours are civil times of its own zone.

mod command;
mod decide;
mod event;
mod profile;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    command::BranchCommand,
    event::BranchEvent,
    profile::{Address, BranchProfile},
    state::Branch,
};

crate::cqrs_aggregate!(Branch);
