//! Placeholder front page.

pub mod embedded_postgres;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
