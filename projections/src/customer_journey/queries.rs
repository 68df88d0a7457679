//! The way of one customer.

use daybook_domain::ids::{CustomerId, TenantId};
use sqlx::{PgConnection, types::Json};

use super::JourneyRow;

/// The way of a customer.
pub async fn one(
    connection: &mut PgConnection,
    tenant: TenantId,
    customer_id: CustomerId,
) -> Result<Option<JourneyRow>, sqlx::Error> {
    let row: Option<Json<JourneyRow>> = sqlx::query_scalar(include_str!("load.sql"))
        .bind(tenant.uuid())
        .bind([customer_id.uuid()])
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.0))
}
