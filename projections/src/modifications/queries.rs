//! Counts by appointment and by customer, and the violations one by one.

use chrono::{DateTime, Utc};
use daybook_domain::ids::{AppointmentId, CompanyId, CustomerId, TenantId};
use serde::Serialize;
use sqlx::{PgConnection, prelude::FromRow, types::Json};
use uuid::Uuid;

use super::{StatsRow, ViolationRow};

/// All changes of a customer's appointments.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct CustomerTotals {
    /// The customer.
    pub customer_id: Uuid,
    /// Appointments that were ever booked.
    pub appointments: i64,
    /// Reschedules and cancellations.
    pub modifications: i64,
    /// Cancellations.
    pub cancellations: i64,
    /// Reschedules.
    pub reschedules: i64,
    /// Changes that broke the terms.
    pub violations: i64,
    /// The latest change.
    pub last_modification_at: Option<DateTime<Utc>>,
}

/// How often an appointment was changed.
pub async fn stats(
    connection: &mut PgConnection,
    tenant: TenantId,
    appointment_id: AppointmentId,
) -> Result<Option<StatsRow>, sqlx::Error> {
    let row: Option<Json<StatsRow>> = sqlx::query_scalar(include_str!("stats.sql"))
        .bind(tenant.uuid())
        .bind(appointment_id.uuid())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.0))
}

/// A page of customers with so many changes at least, in the order of their ids; at most `limit`.
pub async fn totals(
    connection: &mut PgConnection,
    tenant: TenantId,
    (company_id, customer_id): (Option<CompanyId>, Option<CustomerId>),
    least: u32,
    after: Option<CustomerId>,
    limit: u32,
) -> Result<Vec<CustomerTotals>, sqlx::Error> {
    sqlx::query_as(include_str!("totals.sql"))
        .bind(tenant.uuid())
        .bind(company_id.map(CompanyId::uuid))
        .bind(customer_id.map(CustomerId::uuid))
        .bind(after.map(CustomerId::uuid))
        .bind(i64::from(least))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
}

/// What the list of violations is narrowed to. Absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViolationFilter {
    /// Of a company.
    pub company_id: Option<CompanyId>,
    /// Of a customer.
    pub customer_id: Option<CustomerId>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Until before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// A page of violations, the latest first; at most `limit`.
pub async fn violations(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &ViolationFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<ViolationRow>, sqlx::Error> {
    let rows: Vec<Json<ViolationRow>> = sqlx::query_scalar(include_str!("violations.sql"))
        .bind(tenant.uuid())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(filter.customer_id.map(CustomerId::uuid))
        .bind(filter.from)
        .bind(filter.to)
        .bind(before.map(u64::cast_signed))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
