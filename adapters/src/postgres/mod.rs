//! How Daybook talks to PostgreSQL: pools with their guards, one scope per tenant, one way to run
//! a transaction.
//!
//! sqlx 0.8.4 to 0.9.0 leak an open transaction into the pool when `begin()` is cancelled: the next
//! user of the connection then writes into a transaction that nobody commits. Three guards stand
//! against it, and `tests.rs` shows the leak without them:
//! - an append is one statement, without BEGIN;
//! - every other transaction runs through [`transaction`], in a task of its own;
//! - every pool rolls back and resets what is given back to it.

mod pool;
mod scope;
mod server;
#[cfg(test)]
mod tests;
mod transaction;

pub use self::{
    pool::{PoolRole, connect_pool, pool_options},
    scope::Scope,
    server::{answers, ensure_database},
    transaction::{scoped_transaction, transaction},
};
