//! Sums over a range of local dates.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use daybook_domain::ids::{BranchId, CompanyId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, prelude::FromRow};
use uuid::Uuid;

/// What is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Each staff member.
    Staff,
    /// Each branch.
    Branch,
    /// Each service.
    Service,
    /// Each day of the week, Monday first.
    Weekday,
    /// Each hour of the day.
    Hour,
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Branch => "branch",
            Self::Service => "service",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
        }
    }
}

/// What was booked of somebody's or something's time.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow, Serialize)]
pub struct UtilisationRow {
    /// The staff member, branch or service.
    pub id: Option<Uuid>,
    /// The day of the week, 1 is Monday, or the hour of the day.
    pub slot: Option<i32>,
    /// Appointments that were not called off.
    pub appointments: i64,
    /// Those that were kept.
    pub completed: i64,
    /// Those that were missed.
    pub no_shows: i64,
    /// Those that were called off.
    pub cancelled: i64,
    /// Minutes in which staff are busy with a customer.
    pub booked_min: i64,
    /// What kept appointments bring, in the smallest unit.
    pub revenue_minor: i64,
}

impl UtilisationRow {
    /// What part of the open minutes is booked, in thousandths; none of none.
    pub fn utilisation_permille(&self, open_min: i64) -> Option<i64> {
        permille(self.booked_min, open_min)
    }

    /// What part of the appointments that are over was missed, in thousandths; none of none.
    pub fn no_show_permille(&self) -> Option<i64> {
        permille(self.no_shows, self.completed + self.no_shows)
    }
}

fn permille(part: i64, whole: i64) -> Option<i64> {
    (0 < whole).then(|| 1000 * part / whole)
}

/// The sums over local dates, both ends included, the busiest first, or in the
/// order of the week or the day; at most `limit`.
pub async fn booked(
    connection: &mut PgConnection,
    tenant: TenantId,
    by: By,
    (from, to): (NaiveDate, NaiveDate),
    (company_id, branch_id): (Option<CompanyId>, Option<BranchId>),
    limit: u32,
) -> Result<Vec<UtilisationRow>, sqlx::Error> {
    sqlx::query_as(include_str!("booked.sql"))
        .bind(tenant.uuid())
        .bind(by.as_str())
        .bind(from)
        .bind(to)
        .bind(company_id.map(CompanyId::uuid))
        .bind(branch_id.map(BranchId::uuid))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
}

/// The branches that a report is about; `None` means all.
pub async fn branches(
    connection: &mut PgConnection,
    tenant: TenantId,
    (company_id, branch_id): (Option<CompanyId>, Option<BranchId>),
) -> Result<Option<BTreeSet<BranchId>>, sqlx::Error> {
    let Some(company_id) = company_id else {
        return Ok(branch_id.map(|id| BTreeSet::from([id])));
    };
    let found: Vec<Uuid> = sqlx::query_scalar(include_str!("branches.sql"))
        .bind(tenant.uuid())
        .bind(company_id.uuid())
        .fetch_all(connection)
        .await?;
    let found = found.into_iter().map(BranchId::new);
    Ok(Some(found.filter(|id| branch_id.is_none_or(|branch| branch == *id)).collect()))
}
