//! The list of customers, page by page, and the search in it.

use std::fmt;

use daybook_domain::ids::{CompanyId, CustomerId, TenantId};
use sqlx::{PgConnection, types::Json};

use super::CustomerRow;

/// What the list is narrowed to. Absent means all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// Of a company.
    pub company_id: Option<CompanyId>,
    /// Whose name begins so; capitals do not matter.
    pub name_prefix: Option<String>,
    /// Whose number begins so.
    pub phone_prefix: Option<String>,
    /// With this address; capitals do not matter.
    pub email: Option<String>,
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
    const fn as_str(self) -> &'static str {
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

/// A page of customers in the order of their ids, which is that of their registration; at most
/// `limit`.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &CustomerFilter,
    after: Option<CustomerId>,
    limit: u32,
) -> Result<Vec<CustomerRow>, sqlx::Error> {
    let name = filter.name_prefix.as_ref().map(|name| prefix(&name.to_lowercase()));
    let phone = filter.phone_prefix.as_deref().map(prefix);
    let rows: Vec<Json<CustomerRow>> = sqlx::query_scalar(include_str!("list.sql"))
        .bind(tenant.uuid())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(name)
        .bind(phone)
        .bind(filter.email.as_deref())
        .bind(filter.external_ref.as_deref())
        .bind(after.map(CustomerId::uuid))
        .bind(i64::from(limit))
        .bind(filter.erasure.map(Erasure::as_str))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The pattern of texts that begin so: what people type is no pattern itself.
fn prefix(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
