//! Who is to be forgotten, and who was: what the job asks, one tenant at a time (JOB-11).

use chrono::{DateTime, Utc};
use daybook_domain::{
    event_log::Position,
    ids::{CustomerId, TenantId},
};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// What there is to be done with a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasures {
    /// Where the read model stands.
    pub position: Position,
    /// When somebody is next to be forgotten, if somebody is.
    pub next_due_at: Option<DateTime<Utc>>,
}

/// What there is to be done with a tenant.
pub async fn erasures(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Erasures, sqlx::Error> {
    let row =
        sqlx::query(include_str!("erasures.sql")).bind(tenant.uuid()).fetch_one(connection).await?;
    let position: i64 = row.try_get("position")?;
    let position = Position(u64::try_from(position).unwrap_or(0));
    Ok(Erasures { position, next_due_at: row.try_get("next_due_at")? })
}

/// Customers whose grace is over, in the order of their ids; at most `limit`.
pub async fn due(
    connection: &mut PgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
    after: Option<CustomerId>,
    limit: u32,
) -> Result<Vec<CustomerId>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(include_str!("due.sql"))
        .bind(tenant.uuid())
        .bind(now)
        .bind(after.map(CustomerId::uuid))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().map(CustomerId::new).collect())
}

/// Customers who were forgotten, something having been recorded of them after a position; in the order
/// of the history, at most `limit`.
pub async fn forgotten(
    connection: &mut PgConnection,
    tenant: TenantId,
    after: Position,
    limit: u32,
) -> Result<Vec<(CustomerId, Position)>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(include_str!("forgotten.sql"))
        .bind(tenant.uuid())
        .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    let found = |(id, at): (Uuid, i64)| {
        (CustomerId::new(id), Position(u64::try_from(at).unwrap_or(u64::MAX)))
    };
    Ok(rows.into_iter().map(found).collect())
}

/// Clears what rebuilds keep of customers: the rows that one has replaced, and those that one broken
/// off has left. Needs the projector's role.
pub async fn forget_copies(
    connection: &mut PgConnection,
    tenant: TenantId,
    customers: &[CustomerId],
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = customers.iter().map(|id| id.uuid()).collect();
    sqlx::query(include_str!("forget_copies.sql"))
        .bind(tenant.uuid())
        .bind(ids)
        .execute(connection)
        .await?;
    Ok(())
}
