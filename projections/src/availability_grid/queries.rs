//! What stands on the calendars.

use chrono::{DateTime, NaiveDate, Utc};
use daybook_domain::{calendar::CalendarId, ids::TenantId, slot::Slot};
use sqlx::{PgConnection, prelude::FromRow, types::Json};

use super::ClaimRow;

/// The sum of a day of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CalendarDayRow {
    /// The calendar, as text.
    pub calendar: String,
    /// The local date.
    pub date: NaiveDate,
    /// Claims that touch it and were not given back, lapsed holds included.
    pub claims: i32,
    /// Holds among them.
    pub holds: i32,
    /// Minutes of their whole slots.
    pub busy_min: i32,
}

/// The claims on a calendar that count at an instant and touch a window, by their beginning.
pub async fn claims(
    connection: &mut PgConnection,
    tenant: TenantId,
    calendar: CalendarId,
    window: Slot,
    at: DateTime<Utc>,
) -> Result<Vec<ClaimRow>, sqlx::Error> {
    let rows: Vec<Json<ClaimRow>> = sqlx::query_scalar(include_str!("claims.sql"))
        .bind(tenant.uuid())
        .bind(calendar.to_string())
        .bind(window.from)
        .bind(window.to)
        .bind(at)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The sums of a calendar's days from one date until before another.
pub async fn days(
    connection: &mut PgConnection,
    tenant: TenantId,
    calendar: CalendarId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<CalendarDayRow>, sqlx::Error> {
    sqlx::query_as(include_str!("days.sql"))
        .bind(tenant.uuid())
        .bind(calendar.to_string())
        .bind(from)
        .bind(to)
        .fetch_all(connection)
        .await
}
