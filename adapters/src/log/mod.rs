//! The event log: [`PostgresLog`] for programs, [`MemoryLog`] for tests, one contract for both.
//!
//! What every implementation promises is in `daybook_domain::ports::EventLog` and in `contract`,
//! the suite that both run. How the append works is in the README of `migrations`.

mod batch;
pub mod chain;
mod check;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod cqrs;
mod frozen;
mod known_heads;
mod lane;
mod memory;
mod notifier;
mod outcome;
mod postgres;
mod rows;
mod scan;
pub mod stock;
#[cfg(test)]
mod tests;
pub mod transfer;
mod writes;

pub use self::{
    cqrs::EventRepository,
    frozen::TenantStatus,
    known_heads::{KnownHeads, connect_log_pool},
    memory::MemoryLog,
    notifier::{Hint, HintRelay, Hints},
    postgres::{PostgresLog, PostgresLogConfig},
    writes::WriteState,
};
