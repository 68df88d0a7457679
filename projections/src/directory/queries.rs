//! Lists of master data by name, page by page.

use daybook_domain::ids::{BranchId, CompanyId, StaffId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{DirectoryKind, DirectoryRow};

/// What a list is narrowed to. Absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryFilter {
    /// Of a company.
    pub company_id: Option<CompanyId>,
    /// Staff or resources at a branch.
    pub branch_id: Option<BranchId>,
    /// Services that a staff member does.
    pub staff_id: Option<StaffId>,
    /// By the client's own id.
    pub external_ref: Option<String>,
    /// In use, or not.
    pub is_active: Option<bool>,
}

/// Where a page ended: the next one begins behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The name of the last row.
    pub name: String,
    /// The last row.
    pub id: Uuid,
}

impl DirectoryRow {
    /// The cursor behind this row.
    pub fn cursor(&self) -> Cursor {
        Cursor { name: self.name.clone(), id: self.id }
    }
}

/// A page of one kind by name, at most `limit`.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: DirectoryKind,
    filter: &DirectoryFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Vec<DirectoryRow>, sqlx::Error> {
    let rows: Vec<Json<DirectoryRow>> = sqlx::query_scalar(include_str!("list.sql"))
        .bind(tenant.uuid())
        .bind(kind.as_str())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(filter.branch_id.map(BranchId::uuid))
        .bind(filter.staff_id.map(StaffId::uuid))
        .bind(filter.external_ref.as_deref())
        .bind(filter.is_active)
        .bind(after.map(|cursor| cursor.name.as_str()))
        .bind(after.map(|cursor| cursor.id))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
