//! A room or a piece of equipment with so many units (FUT-19).
//!
//! Invariants:
//! - it never moves to another branch;
//! - it has at least one unit.

mod command;
mod decide;
mod event;
mod profile;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    command::ResourceCommand,
    event::ResourceEvent,
    profile::{ResourceKind, ResourceProfile},
    state::Resource,
};

crate::cqrs_aggregate!(Resource);
