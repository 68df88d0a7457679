//! Events to read models: projectors, the runner that feeds them, and the queries that read them.
#![doc = include_str!("../README.md")]

pub mod activity_log;
pub mod appointments;
pub mod aside;
pub mod availability_grid;
pub mod connection;
pub mod customer_journey;
pub mod customers;
pub mod directory;
pub mod event;
pub mod modifications;
pub mod person;
pub mod projector;
pub mod registry;
pub mod reporting;
mod rows;
pub mod runner;
pub mod tx;
pub mod utilisation;
pub mod world;
