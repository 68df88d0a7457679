//! The one way to run a transaction: in a task of its own, so that no caller can cancel it halfway.

use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{Connection as _, PgConnection, PgPool};
use tracing::Instrument as _;

use crate::connection::{Held, Stalled, silent, unless_stalled};

/// How long one statement of a transaction may take.
const STALLED: Duration = Duration::from_secs(10);

/// The same in a transaction over a whole read model.
const STALLED_IN_BULK: Duration = Duration::from_mins(10);

/// Runs `work` in a transaction and commits when it answers `Ok`, rolls back when it answers `Err`.
///
/// The caller may be dropped at any moment: the transaction still runs to its end, and either all
/// of it is there or nothing. READ COMMITTED, as the server's default. A statement that the database
/// does not answer within ten seconds ends it, and whether it was committed is not known then.
pub async fn transaction<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    transaction_within(pool, STALLED, work).await
}

/// As [`transaction`], for statements over a whole read model: each may take ten minutes.
pub(crate) async fn bulk_transaction<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    transaction_within(pool, STALLED_IN_BULK, work).await
}

async fn transaction_within<T, E, F>(pool: &PgPool, stalled: Duration, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(
        async move {
            let mut held = Held::acquire(&pool).await?;
            let done = unless_stalled(stalled, Box::pin(run(&mut held, work))).await;
            done.unwrap_or_else(|Stalled| {
                held.discard();
                Err(silent().into())
            })
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

async fn run<T, E, F>(connection: &mut PgConnection, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    E: From<sqlx::Error>,
{
    let mut tx = connection.begin().await?;
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
