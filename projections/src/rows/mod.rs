//! Rows in bulk: one statement reads those that a batch touches, one writes them all back.
//!
//! Keys and rows go to the database as one array per column, which `unnest` makes rows of again: two
//! round trips a batch, however many rows it touches, and a quarter of what the same rows cost
//! PostgreSQL as JSON. Rows come back as JSON, with the columns of their table by name.

mod cell;
mod columns;

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use daybook_domain::ids::{AppointmentId, CustomerId, TenantId};
use serde::de::DeserializeOwned;
use sqlx::{Arguments as _, PgConnection, postgres::PgArguments, types::Json};

use crate::{event::Event, projector::ProjectionError};

pub(crate) use cell::{Cell, kept_as_json, spelled, spelled_as_in_json};
pub(crate) use columns::{Columns, Stored, stored};

/// The rows of a tenant with these keys. The statement takes the tenant and the columns of the keys.
pub(crate) async fn load<R, K>(
    tx: &mut PgConnection,
    statement: &'static str,
    tenant: TenantId,
    keys: &[K],
) -> Result<Vec<R>, ProjectionError>
where
    R: DeserializeOwned + Send + Unpin + 'static,
    K: Stored,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let arguments = arguments(statement, tenant, keys)?;
    let rows: Vec<Json<R>> = sqlx::query_scalar_with(statement, arguments).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Writes rows of a tenant. The statement takes the tenant and the columns of the rows.
pub(crate) async fn store<R: Stored>(
    tx: &mut PgConnection,
    statement: &'static str,
    tenant: TenantId,
    rows: &[R],
) -> Result<(), ProjectionError> {
    if !rows.is_empty() {
        sqlx::query_with(statement, arguments(statement, tenant, rows)?).execute(tx).await?;
    }
    Ok(())
}

fn arguments<R: Stored>(
    statement: &str,
    tenant: TenantId,
    rows: &[R],
) -> Result<PgArguments, sqlx::Error> {
    debug_assert!(
        takes(statement, R::COLUMNS),
        "{:?} are not what is taken by:\n{statement}",
        R::COLUMNS
    );
    let mut before = PgArguments::default();
    before.add(tenant.uuid()).map_err(sqlx::Error::Encode)?;
    Columns::of(rows, before)
}

/// Whether a statement names the arrays that it takes like these columns, in their order.
fn takes(statement: &str, columns: &[&str]) -> bool {
    let named = statement.split_once("unnest(").and_then(|(_, rest)| rest.split_once(" AS "));
    let named = named.and_then(|(_, rest)| rest.split_once('(')?.1.split_once(')'));
    named.is_some_and(|(names, _)| names.split(',').map(str::trim).eq(columns.iter().copied()))
}

/// A row that knows its key.
pub(crate) trait Keyed: Stored + DeserializeOwned + Send + Sync + Unpin + 'static {
    /// The key as the statement that loads takes it.
    type Key: Copy + Ord + Stored + Send + Sync;

    /// Its key.
    fn key(&self) -> Self::Key;
}

macro_rules! single_keys {
    ($($id:ty => $column:literal),+ $(,)?) => {$(
        impl Stored for $id {
            const COLUMNS: &'static [&'static str] = &[$column];

            fn columns(columns: &mut Columns<'_, Self>) {
                columns.add(Cell::cell);
            }
        }
    )+};
}

single_keys!(AppointmentId => "appointment_id", CustomerId => "customer_id");

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
