//! What tests need from the outside world. Compiled for tests only (feature `testing`).

mod database;
pub mod postgres;

pub use self::database::TestDatabase;
