//! Lists of appointments, page by page, and one of them.

use chrono::{DateTime, Utc};
use daybook_domain::{
    appointment::AppointmentStatus,
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, SeriesId, ServiceId, StaffId, TenantId},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};

use super::AppointmentRow;

/// What a list is narrowed to. Absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppointmentFilter {
    /// One of these statuses; empty means all.
    pub statuses: Vec<AppointmentStatus>,
    /// Of a company.
    pub company_id: Option<CompanyId>,
    /// At a branch.
    pub branch_id: Option<BranchId>,
    /// With a staff member in any phase.
    pub staff_id: Option<StaffId>,
    /// Of a customer.
    pub customer_id: Option<CustomerId>,
    /// With a service.
    pub service_id: Option<ServiceId>,
    /// Of a series.
    pub series_id: Option<SeriesId>,
    /// By the client's own id.
    pub external_ref: Option<String>,
    /// That end after then.
    pub from: Option<DateTime<Utc>>,
    /// That start before then.
    pub to: Option<DateTime<Utc>>,
}

/// Where a page ended: the next one begins behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The start of the last appointment.
    pub starts_at: DateTime<Utc>,
    /// The last appointment.
    pub appointment_id: AppointmentId,
}

impl AppointmentRow {
    /// The cursor behind this row.
    pub const fn cursor(&self) -> Cursor {
        Cursor { starts_at: self.starts_at, appointment_id: self.appointment_id }
    }
}

/// A page of appointments by start, at most `limit`.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &AppointmentFilter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Vec<AppointmentRow>, sqlx::Error> {
    let rows: Vec<Json<AppointmentRow>> = sqlx::query_scalar(include_str!("list.sql"))
        .bind(tenant.uuid())
        .bind(Json(&filter.statuses))
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(filter.branch_id.map(BranchId::uuid))
        .bind(filter.staff_id.map(StaffId::uuid))
        .bind(filter.customer_id.map(CustomerId::uuid))
        .bind(filter.service_id.map(ServiceId::uuid))
        .bind(filter.series_id.map(SeriesId::uuid))
        .bind(filter.external_ref.as_deref())
        .bind(filter.from)
        .bind(filter.to)
        .bind(after.map(|cursor| cursor.starts_at))
        .bind(after.map(|cursor| cursor.appointment_id.uuid()))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// One appointment of a tenant.
pub async fn one(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: AppointmentId,
) -> Result<Option<AppointmentRow>, sqlx::Error> {
    let row: Option<Json<AppointmentRow>> = sqlx::query_scalar(include_str!("load.sql"))
        .bind(tenant.uuid())
        .bind([id.uuid()])
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.0))
}
