//! The activity log, page by page, the latest first.

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::TenantId};
use sqlx::{PgConnection, prelude::FromRow};

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Activity {
    /// Its place in the tenant's history.
    pub position: i64,
    /// What.
    pub event_type: String,
    /// To what kind of thing.
    pub aggregate_type: String,
    /// To which.
    pub aggregate_id: String,
    /// Who.
    pub actor: String,
    /// Through which surface.
    pub source: Option<String>,
    /// The time that it was decided for.
    pub at: DateTime<Utc>,
    /// In which request or thread.
    pub correlation_id: String,
}

/// What the list is narrowed to. Absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// By one actor.
    pub actor: Option<String>,
    /// To one kind of thing.
    pub aggregate_type: Option<String>,
    /// To one thing.
    pub aggregate_id: Option<String>,
    /// Then or later.
    pub from: Option<DateTime<Utc>>,
    /// Before then.
    pub to: Option<DateTime<Utc>>,
}

/// A page of what was done before a position, the latest first.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &ActivityFilter,
    before: Option<Position>,
    limit: u32,
) -> Result<Vec<Activity>, sqlx::Error> {
    sqlx::query_as(include_str!("list.sql"))
        .bind(tenant.uuid())
        .bind(filter.actor.as_deref())
        .bind(filter.aggregate_type.as_deref())
        .bind(filter.aggregate_id.as_deref())
        .bind(filter.from)
        .bind(filter.to)
        .bind(before.map(|position| position.0.cast_signed()))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
}
