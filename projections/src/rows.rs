//! Rows in bulk: one statement reads those that a batch touches, one writes them all back.
//!
//! A row type has the columns of its table by name. Both statements speak JSON, so a batch costs two
//! round trips however many rows it touches.

use daybook_domain::ids::TenantId;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, types::Json};

use crate::projector::ProjectionError;

/// The rows of a tenant with these keys. The statement takes the tenant and the keys.
pub(crate) async fn load<R, K>(
    tx: &mut PgConnection,
    statement: &'static str,
    tenant: TenantId,
    keys: &[K],
) -> Result<Vec<R>, ProjectionError>
where
    R: DeserializeOwned + Send + Unpin + 'static,
    K: Serialize + Sync,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Json<R>> =
        sqlx::query_scalar(statement).bind(tenant.uuid()).bind(Json(keys)).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Writes rows of a tenant. The statement takes the tenant and the rows.
pub(crate) async fn store<R: Serialize + Sync>(
    tx: &mut PgConnection,
    statement: &'static str,
    tenant: TenantId,
    rows: &[R],
) -> Result<(), ProjectionError> {
    if !rows.is_empty() {
        sqlx::query(statement).bind(tenant.uuid()).bind(Json(rows)).execute(tx).await?;
    }
    Ok(())
}
