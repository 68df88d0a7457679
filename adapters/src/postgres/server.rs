//! What is asked of a server as a whole.

use sqlx::{ConnectOptions as _, Connection as _, PgPool, postgres::PgConnectOptions};

/// Whether the database behind a pool answers.
pub async fn answers(pool: &PgPool) -> bool {
    sqlx::query("SELECT 1").execute(pool).await.is_ok()
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
