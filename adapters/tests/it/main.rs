//! Tests of the adapters against the outside world: real processes, real servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod embedded_postgres;
mod test_server;
