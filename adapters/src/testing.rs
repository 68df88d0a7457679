//! Databases for tests: each test its own, made from a migrated template.

use std::sync::atomic::{AtomicU32, Ordering};

use daybook_migrations::MIGRATOR;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, postgres::PgConnectOptions,
};
use tokio::sync::OnceCell;

use crate::postgres::{PoolRole, connect_pool};

/// A migrated database of its own.
#[derive(Debug)]
pub struct TestDatabase {
    /// How to reach it.
    pub options: PgConnectOptions,
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// Makes one on the server of `DAYBOOK_TEST_DATABASE_URL`.
    pub async fn new() -> Self {
        let server = server();
        let template = TEMPLATE.get_or_init(|| migrated(server.clone())).await;
        let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut connection = server.connect().await.expect("the test server answers");
        run(&mut connection, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { options: server.database(&name) }
    }

    /// A pool with all guards.
    pub async fn pool(&self, role: PoolRole) -> PgPool {
        connect_pool(self.options.clone(), role, 16).await.expect("the test database answers")
    }
}

fn server() -> PgConnectOptions {
    std::env::var("DAYBOOK_TEST_DATABASE_URL")
        .expect("DAYBOOK_TEST_DATABASE_URL names the test server")
        .parse()
        .expect("DAYBOOK_TEST_DATABASE_URL is a URL")
}

async fn migrated(server: PgConnectOptions) -> String {
    let name = format!("daybook_test_{}", std::process::id());
    let mut connection = server.connect().await.expect("the test server answers");
    run(&mut connection, &format!("DROP DATABASE IF EXISTS {name}")).await;
    run(&mut connection, &format!("CREATE DATABASE {name}")).await;
    let mut database = server.database(&name).connect().await.expect("the template answers");
    MIGRATOR.run_direct(&mut database).await.expect("the migrations run");
    database.close().await.expect("the template is left");
    name
}

async fn run(connection: &mut PgConnection, statement: &str) {
    sqlx::query(statement).execute(connection).await.expect("a statement of the test kit");
}
