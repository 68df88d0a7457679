//! The list of customers, page by page, and the search in it.

use std::fmt;

use daybook_domain::ids::{CompanyId, CustomerId, TenantId};
use sqlx::{PgConnection, types::Json};

use super::{CustomerRow, CustomerSearch, search::search};

/// What the list is narrowed to. Absent means all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// Of a company.
    pub company_id: Option<CompanyId>,
    /// By name, number or address.
    pub search: CustomerSearch,
    /// By the client's own id.
    pub external_ref: Option<String>,
    /// Who asked to be forgotten, or did not.
    pub erasure: Option<Erasure>,
}

/// How far customers are with being forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// They did not ask for it.
    None,
    /// They asked for it, and could take it back.
    Pending,
    /// They are forgotten.
    Done,
}

impl Erasure {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Done => "done",
        }
    }
}

/// What is searched for may be personal.
impl fmt::Debug for CustomerFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerFilter")
            .field("company_id", &self.company_id)
            .finish_non_exhaustive()
    }
}

/// Customers, at most `limit`: the best matches if there is something to search for, else a page in the
/// order of their ids, which is that of their registration.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &CustomerFilter,
    after: Option<CustomerId>,
    limit: u32,
) -> Result<Vec<CustomerRow>, sqlx::Error> {
    if filter.search.is_asked() {
        return search(connection, tenant, filter, limit).await;
    }
    let statement = match filter.external_ref {
        Some(_) => include_str!("list_by_ref.sql"),
        None => include_str!("list.sql"),
    };
    let rows: Vec<Json<CustomerRow>> = sqlx::query_scalar(statement)
        .bind(tenant.uuid())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(filter.external_ref.as_deref())
        .bind(filter.erasure.map(Erasure::as_str))
        .bind(after.map(CustomerId::uuid))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
