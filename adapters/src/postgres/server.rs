//! What is asked of a server as a whole.

use std::time::Duration;

use daybook_projections::connection::Held;
use sqlx::{ConnectOptions as _, Connection as _, PgPool, postgres::PgConnectOptions};
use tokio::time::timeout;

/// How long a pool may take to answer whether it does.
const PROBE: Duration = Duration::from_secs(2);

/// Whether the database behind a pool answers, over a connection that serves.
pub async fn answers(pool: &PgPool) -> bool {
    let answered = timeout(PROBE, async {
        let mut held = Held::acquire(pool).await?;
        sqlx::query("SELECT 1").execute(&mut *held).await
    });
    matches!(answered.await, Ok(Ok(_)))
}

/// Makes a database on a server unless it is there. The login may make databases.
pub async fn ensure_database(server: &PgConnectOptions, name: &str) -> Result<(), sqlx::Error> {
    let mut admin = server.clone().database("postgres").connect().await?;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut admin)
            .await?;
    if !exists {
        // A name cannot be bound.
        let quoted = name.replace('"', "\"\"");
        sqlx::query(&format!("CREATE DATABASE \"{quoted}\"")).execute(&mut admin).await?;
    }
    admin.close().await
}
