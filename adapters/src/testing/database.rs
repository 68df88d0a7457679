//! A migrated database of one test, with the pools that the program uses.

use daybook_migrations::MIGRATOR;
use sqlx::{PgPool, postgres::PgConnectOptions};

use super::postgres::{self, server};
use crate::postgres::{PoolRole, connect_pool};

/// A migrated database of its own; it is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// How to reach it.
    pub options: PgConnectOptions,
    /// Nothing where somebody else made it.
    _database: Option<postgres::TestDatabase>,
}

impl TestDatabase {
    /// Makes one on the test server of this process.
    pub async fn new() -> Self {
        let database = server().database(&MIGRATOR).await;
        Self { options: database.options.clone(), _database: Some(database) }
    }

    /// A migrated database that is somebody else's: it is left as it is.
    pub const fn elsewhere(options: PgConnectOptions) -> Self {
        Self { options, _database: None }
    }

    /// A pool with all guards.
    pub async fn pool(&self, role: PoolRole) -> PgPool {
        connect_pool(self.options.clone(), role, 16).await.expect("the test database answers")
    }
}
