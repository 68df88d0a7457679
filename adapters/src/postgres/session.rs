//! Settings of a session.

use sqlx::{
    ConnectOptions as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Names and values.
pub type Settings = Vec<(&'static str, String)>;

/// Makes settings once the session has begun: a pooler refuses those that stand in its first message.
async fn apply_settings(
    connection: &mut PgConnection,
    settings: &Settings,
) -> Result<(), sqlx::Error> {
    let names: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = settings.iter().map(|(_, value)| value.as_str()).collect();
    sqlx::query(include_str!("settings.sql")).bind(names).bind(values).execute(connection).await?;
    Ok(())
}

/// Opens a connection with settings.
pub async fn connect_session(
    database: &PgConnectOptions,
    settings: &Settings,
) -> Result<PgConnection, sqlx::Error> {
    let mut connection = database.connect().await?;
    apply_settings(&mut connection, settings).await?;
    Ok(connection)
}

/// Opens a pool of connections with settings, for those who only look.
pub async fn connect_sessions(
    database: PgConnectOptions,
    size: u32,
    settings: Settings,
) -> Result<PgPool, sqlx::Error> {
    let options = PgPoolOptions::new().max_connections(size).after_connect(move |connection, _| {
        let settings = settings.clone();
        Box::pin(async move { apply_settings(connection, &settings).await })
    });
    options.connect_with(database).await
}
