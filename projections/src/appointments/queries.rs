//! Lists of appointments, page by page, and one of them.

use chrono::{DateTime, Utc};
use daybook_domain::{
    appointment::AppointmentStatus,
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, SeriesId, ServiceId, StaffId, TenantId},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::AppointmentRow;
use crate::rows::spelled;

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

/// Which index a page is read from.
#[derive(Clone, Copy)]
enum Path {
    /// By start, customer or series.
    Start,
    /// By outside reference.
    Reference,
    /// By staff member or service, or by both.
    Key(Uuid, Option<Uuid>),
    /// By status, within a branch or a company if there is one.
    Status,
}

impl AppointmentFilter {
    /// The index that leads to the fewest rows which are not wanted.
    fn path(&self) -> Path {
        let (staff, service) =
            (self.staff_id.map(StaffId::uuid), self.service_id.map(ServiceId::uuid));
        let is_placed = self.branch_id.is_some() || self.company_id.is_some();
        if self.external_ref.is_some() {
            Path::Reference
        } else if self.series_id.is_some() || self.customer_id.is_some() {
            Path::Start
        } else if let Some(staff) = staff {
            Path::Key(staff, service)
        } else if let Some(service) = service {
            Path::Key(service, None)
        } else if is_placed || !self.statuses.is_empty() {
            Path::Status
        } else {
            Path::Start
        }
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
    page(connection, tenant, (filter, filter.path()), after, limit).await
}

/// The same of appointments that were folded into temporary tables, which have none of the indexes.
pub async fn list_folded(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &AppointmentFilter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Vec<AppointmentRow>, sqlx::Error> {
    page(connection, tenant, (filter, Path::Start), after, limit).await
}

async fn page(
    connection: &mut PgConnection,
    tenant: TenantId,
    (filter, path): (&AppointmentFilter, Path),
    after: Option<Cursor>,
    limit: u32,
) -> Result<Vec<AppointmentRow>, sqlx::Error> {
    let statement = match path {
        Path::Start => include_str!("list.sql"),
        Path::Reference => include_str!("list_by_ref.sql"),
        Path::Key(..) => include_str!("list_by_key.sql"),
        Path::Status => include_str!("list_by_status.sql"),
    };
    let statuses = match path {
        Path::Key(..) | Path::Status if filter.statuses.is_empty() => {
            AppointmentStatus::ALL.to_vec()
        }
        Path::Start | Path::Reference | Path::Key(..) | Path::Status => filter.statuses.clone(),
    };
    // Keys name both already; the row has not to be looked at for them.
    let is_keyed = matches!(path, Path::Key(..));
    let query = sqlx::query_scalar(statement)
        .bind(tenant.uuid())
        .bind(statuses.iter().filter_map(spelled).collect::<Vec<String>>())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(filter.branch_id.map(BranchId::uuid))
        .bind(filter.staff_id.map(StaffId::uuid).filter(|_| !is_keyed))
        .bind(filter.customer_id.map(CustomerId::uuid))
        .bind(filter.service_id.map(ServiceId::uuid).filter(|_| !is_keyed))
        .bind(filter.series_id.map(SeriesId::uuid))
        .bind(filter.external_ref.as_deref())
        .bind(filter.from)
        .bind(filter.to)
        .bind(after.map(|cursor| cursor.starts_at))
        .bind(after.map(|cursor| cursor.appointment_id.uuid()))
        .bind(i64::from(limit));
    let query = match path {
        Path::Key(key, other) => query.bind(key).bind(other),
        Path::Start | Path::Reference | Path::Status => query,
    };
    let rows: Vec<Json<AppointmentRow>> = query.fetch_all(connection).await?;
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
