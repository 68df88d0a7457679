//! What the tests and benchmarks of Daybook share.

#![allow(clippy::panic, reason = "what a test cannot have fails it")]

pub mod audit;
pub mod child;
pub mod client;
pub mod programs;
pub mod proxy;

/// The test server: one per process, a database per test.
pub use daybook_adapters::testing::postgres;
