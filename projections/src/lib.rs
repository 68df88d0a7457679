//! Events to read models: projectors, the runner that feeds them, and the queries that read them.
//!
//! A projector never emits an event and never calls out. Everything it writes can be dropped and
//! made again from the log.

pub mod activity_log;
pub mod appointments;
pub mod availability_grid;
pub mod customers;
pub mod directory;
pub mod event;
pub mod projector;
pub mod registry;
mod rows;
pub mod runner;
pub mod tx;
pub mod world;
