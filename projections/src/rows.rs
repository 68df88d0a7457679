//! Rows in bulk: one statement reads those that a batch touches, one writes them all back.
//!
//! A row type has the columns of its table by name. Both statements speak JSON, so a batch costs two
//! round trips however many rows it touches.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use daybook_domain::ids::TenantId;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, types::Json};

use crate::{event::Event, projector::ProjectionError};

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

/// A row that knows its key.
pub(crate) trait Keyed:
    Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    /// The key as the statement that loads takes it.
    type Key: Copy + Ord + Serialize + Send + Sync;

    /// Its key.
    fn key(&self) -> Self::Key;
}

/// Folds changes into the rows that they touch: loads them, applies each change in order, stores what
/// came of it. A change that meets no row where one should be is a contradiction of the fold.
pub(crate) async fn fold<R: Keyed, C: Send>(
    tx: &mut PgConnection,
    (load_sql, store_sql): (&'static str, &'static str),
    tenant: TenantId,
    changes: BTreeMap<R::Key, Vec<C>>,
    apply: impl Fn(Option<R>, R::Key, C) -> Result<Option<R>, ProjectionError> + Send + Sync,
) -> Result<(), ProjectionError> {
    let keys: Vec<R::Key> = changes.keys().copied().collect();
    let known: Vec<R> = load(tx, load_sql, tenant, &keys).await?;
    let mut known: BTreeMap<R::Key, R> = known.into_iter().map(|row| (row.key(), row)).collect();
    let mut changed = Vec::with_capacity(changes.len());
    for (key, changes) in changes {
        let mut row = known.remove(&key);
        for change in changes {
            row = apply(row, key, change)?;
        }
        changed.extend(row);
    }
    store(tx, store_sql, tenant, &changed).await
}

/// The id of the aggregate that an event happened to.
pub(crate) fn id_of<I: FromStr>(event: &Event) -> Result<I, ProjectionError> {
    let id = event.recorded.stream.aggregate_id.parse();
    id.map_err(|_not_an_id| ProjectionError::Contradiction("the stream's id is no id of its kind"))
}

/// What the closure of a fold collects on the side.
pub(crate) fn held<T>(side: &Mutex<T>) -> MutexGuard<'_, T> {
    side.lock().unwrap_or_else(PoisonError::into_inner)
}
