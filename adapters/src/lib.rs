//! The outside of Daybook behind the ports of the domain: the log store, the vault, PostgreSQL.

pub mod api_keys;
pub mod clock;
pub mod embedded_postgres;
pub mod erasure;
pub mod log;
pub mod phone;
pub mod postgres;
pub mod receipts;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod vault;
pub mod webhooks;
