//! What the tests of Daybook share.

/// The test server: one per process, a database per test.
pub use daybook_adapters::testing::postgres;
