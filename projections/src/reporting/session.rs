//! A session that sees the views as an analyst does.

use sqlx::PgConnection;
use uuid::Uuid;

use super::ReportError;

/// Takes the role of an analyst for a tenant, and answers whose rows the session sees: a login that
/// is bound to a tenant needs not name it, and cannot name another.
pub async fn enter(
    connection: &mut PgConnection,
    tenant: Option<Uuid>,
) -> Result<Option<Uuid>, ReportError> {
    let wished = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    sqlx::query(include_str!("session.sql"))
        .bind(wished)
        .execute(&mut *connection)
        .await
        .map_err(ReportError::NoMember)?;
    let seen: Option<Uuid> =
        sqlx::query_scalar(include_str!("session_tenant.sql")).fetch_one(connection).await?;
    if tenant.is_none() || tenant == seen { Ok(seen) } else { Err(ReportError::OtherTenant) }
}
