//! How Daybook talks to PostgreSQL: pools with their guards, one scope per tenant, one way to run
//! a transaction.
//!
//! sqlx 0.8.4 to 0.9.0 leak an open transaction into the pool when `begin()` is cancelled: the next
//! user of the connection then writes into a transaction that nobody commits. Three guards stand
//! against it, and `tests.rs` shows the leak without them:
//! - an append is one statement, without BEGIN;
//! - every other transaction runs through [`transaction`], in a task of its own;
//! - every pool rolls back and resets what is given back to it.
//!
//! A connection that has gone silent keeps nobody waiting without end: every statement has a deadline,
//! and so has everything that a pool does with a connection (`daybook_projections::connection`).

mod access;
mod failover;
mod pool;
mod scope;
mod server;
mod servers;
mod session;
#[cfg(test)]
mod tests;
mod transaction;

pub use daybook_projections::connection::{Held, STATEMENT, Stalled, silent, unless_stalled};

pub use self::{
    access::{Access, AccessError, PoolSizes, access},
    failover::Failover,
    pool::{PoolRole, connect_pool, pool_options},
    scope::Scope,
    server::{answers, ensure_database},
    servers::{NoPrimary, Servers, UrlError},
    session::{Settings, connect_session, connect_sessions},
    transaction::{scoped_transaction, transaction},
};

/// Whether a failure may pass by itself: the server is away, overloaded or asks for another try. One
/// that the statement or its values have earned does not.
pub fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            !matches!(code.get(..2), Some("0A" | "22" | "23" | "42" | "P0"))
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}
