//! The one way to run a transaction: in a task of its own, so that no caller can cancel it halfway.

use daybook_domain::ids::TenantId;
use futures::future::BoxFuture;
use sqlx::{Executor as _, PgConnection, PgPool};
use tracing::Instrument as _;

/// Runs `work` in a transaction and commits when it answers `Ok`, rolls back when it answers `Err`.
///
/// The caller may be dropped at any moment: the transaction still runs to its end, and either all
/// of it is there or nothing. READ COMMITTED, as the server's default.
pub async fn transaction<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(
        async move {
            #[expect(clippy::disallowed_methods, reason = "nothing cancels a task of its own")]
            let mut tx = pool.begin().await?;
            match work(&mut tx).await {
                Ok(value) => {
                    tx.commit().await?;
                    Ok(value)
                }
                Err(error) => {
                    // Should this fail too, the pool's own ROLLBACK comes next.
                    if let Err(rollback) = tx.rollback().await {
                        tracing::warn!(error = %rollback, "a rollback failed");
                    }
                    Err(error)
                }
            }
        }
        .in_current_span(),
    );
    match task.await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is going down.
        Err(_) => Err(sqlx::Error::PoolClosed.into()),
    }
}

/// Begins a transaction that sees one tenant, and everything at one instant. Nothing was asked before.
pub(crate) async fn at_one_instant(
    tx: &mut PgConnection,
    tenant: TenantId,
) -> Result<(), sqlx::Error> {
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    sqlx::query("SELECT set_config('app.tenant_id', $1, true)")
        .bind(tenant.to_string())
        .execute(tx)
        .await?;
    Ok(())
}
