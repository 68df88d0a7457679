//! Transactions: in a task of their own, so that no caller can cancel them halfway.

use daybook_domain::ids::TenantId;
pub use daybook_projections::tx::transaction;
use futures::future::BoxFuture;
use sqlx::{PgConnection, PgPool};

/// As [`transaction`], with row-level security showing `tenant` for as long as it lasts.
pub async fn scoped_transaction<T, E, F>(pool: &PgPool, tenant: TenantId, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    transaction(pool, move |tx| {
        Box::pin(async move {
            sqlx::query("SELECT set_config('app.tenant_id', $1, true)")
                .bind(tenant.to_string())
                .execute(&mut *tx)
                .await?;
            work(tx).await
        })
    })
    .await
}
