//! What tests need from the outside world. Compiled for tests only (feature `testing`).

pub mod postgres;

use daybook_migrations::MIGRATOR;
use sqlx::{PgPool, postgres::PgConnectOptions};

use crate::postgres::{PoolRole, connect_pool};

/// A migrated database of its own.
#[derive(Debug)]
pub struct TestDatabase {
    /// How to reach it.
    pub options: PgConnectOptions,
    _database: postgres::TestDatabase,
}

impl TestDatabase {
    /// Makes one on the server of this process.
    pub async fn new() -> Self {
        let database = postgres::server().database(&MIGRATOR).await;
        Self { options: database.options.clone(), _database: database }
    }

    /// A pool with all guards.
    pub async fn pool(&self, role: PoolRole) -> PgPool {
        connect_pool(self.options.clone(), role, 16).await.expect("the test database answers")
    }
}
