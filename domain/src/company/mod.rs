//! A company of a tenant: its zone, its currency, its policies (TEN-01, TEN-08).
//!
//! Invariants:
//! - the currency never changes: prices and balances are kept in it;
//! - a policy that charges names a fee (CTR-64).

mod command;
mod decide;
mod event;
mod profile;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    command::CompanyCommand,
    event::CompanyEvent,
    profile::{CompanyProfile, Policies},
    state::Company,
};

crate::cqrs_aggregate!(Company);
