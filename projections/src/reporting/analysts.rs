//! Who may see the views: a login is bound to one tenant by its name, which no session can change.

use chrono::{DateTime, Utc};
use sqlx::{Executor as _, PgConnection, prelude::FromRow};
use uuid::Uuid;

use super::ReportError;

/// A login that is bound.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Analyst {
    /// The login.
    pub login: String,
    /// The tenant that it sees.
    pub tenant_id: Uuid,
    /// Since when.
    pub granted_at: DateTime<Utc>,
}

/// Lets a login see the views of one tenant. The connection is that of whoever migrates.
pub async fn grant(
    connection: &mut PgConnection,
    login: &str,
    tenant: Uuid,
) -> Result<(), ReportError> {
    let is_there: bool = sqlx::query_scalar(include_str!("tenant_exists.sql"))
        .bind(tenant)
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Err(ReportError::NoTenant(tenant));
    }
    as_oneself(connection).await?;
    sqlx::query(include_str!("grant.sql"))
        .bind(name(login)?)
        .bind(tenant)
        .execute(connection)
        .await
        .map_err(ReportError::told)?;
    Ok(())
}

/// Takes that back.
pub async fn revoke(connection: &mut PgConnection, login: &str) -> Result<(), ReportError> {
    as_oneself(connection).await?;
    let was_bound: bool = sqlx::query_scalar(include_str!("revoke.sql"))
        .bind(name(login)?)
        .fetch_one(connection)
        .await
        .map_err(ReportError::told)?;
    if was_bound { Ok(()) } else { Err(ReportError::NotBound(login.to_owned())) }
}

/// Everyone who is bound, by login.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Analyst>, ReportError> {
    as_oneself(connection).await?;
    let rows = sqlx::query_as(include_str!("list.sql")).fetch_all(connection);
    rows.await.map_err(ReportError::told)
}

/// With the rights of the login: the table belongs to whoever migrates.
async fn as_oneself(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET ROLE NONE").await?;
    Ok(())
}

/// PostgreSQL would cut a longer name, and so mean another one.
const fn name(login: &str) -> Result<&str, ReportError> {
    if login.len() < 64 { Ok(login) } else { Err(ReportError::LongLogin) }
}
