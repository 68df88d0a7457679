//! What is live against what the log says.

use std::{collections::BTreeSet, sync::Arc};

use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog};
use serde_json::{Map, Value};
use sqlx::{Executor as _, PgConnection, types::Json};

use crate::projector::Projector;

use super::{
    AsideError, Until,
    fold::{bare, end_of, fold_into_temporary, fold_on},
};

/// A row that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The key of the row.
    pub key: Value,
    /// The columns that differ, as they are live; null when there is no such row.
    pub live: Value,
    /// The same columns as the log says; null when there should be no such row.
    pub log: Value,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    /// Rows that were compared.
    pub rows: u64,
    /// Rows that differ.
    pub differ: u64,
    /// The first of them.
    pub first: Vec<Difference>,
}

/// A pair of rows with their key: live and from the log.
type Pair = (Json<Value>, Option<Json<Map<String, Value>>>, Option<Json<Map<String, Value>>>);

/// Compares the live rows of a tenant with those that stand before them in the search path. Columns in
/// `ignoring` are left out: those that are personal, where the keys are not at hand. At most `limit`
/// differences are told.
pub async fn compare(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
    ignoring: &[&str],
    limit: usize,
) -> Result<Compared, AsideError> {
    let mut all = Compared::default();
    for table in projector.tables() {
        compare_tables(tx, tenant, table, (table, bare(table)), ignoring, limit, &mut all).await?;
    }
    Ok(all)
}

/// Compares a read model as of two positions: temporary tables hold both. The first is told as `live`.
pub async fn compare_positions<L: EventLog>(
    tx: &mut PgConnection,
    log: &Arc<L>,
    tenant: TenantId,
    projector: &Arc<dyn Projector>,
    (from, to): (Position, Position),
    ignoring: &[&str],
    limit: usize,
) -> Result<Compared, AsideError> {
    let projectors = [Arc::clone(projector)];
    let folded = fold_into_temporary(tx, log, tenant, &projectors, Until::Position(from)).await?;
    for table in projector.tables() {
        let name = bare(table);
        let kept =
            format!("CREATE TEMPORARY TABLE earlier_{name} ON COMMIT DROP AS SELECT * FROM {name}");
        tx.execute(kept.as_str()).await?;
    }
    let end = end_of(log.as_ref(), tenant, Until::Position(to)).await?;
    fold_on(tx, log, tenant, &projectors, (folded.position, end)).await?;
    let mut all = Compared::default();
    for table in projector.tables() {
        let earlier = format!("earlier_{}", bare(table));
        let pair = (earlier.as_str(), bare(table));
        compare_tables(tx, tenant, table, pair, ignoring, limit, &mut all).await?;
    }
    Ok(all)
}

/// Compares two tables with the key of a third.
async fn compare_tables(
    tx: &mut PgConnection,
    tenant: TenantId,
    table: &str,
    (left_table, fresh): (&str, &str),
    ignoring: &[&str],
    limit: usize,
    all: &mut Compared,
) -> Result<(), AsideError> {
    let key = key_of(tx, table).await?;
    let columns = key.join(", ");
    let named: Vec<String> = key.iter().map(|column| format!("'{column}', {column}")).collect();
    let named = named.join(", ");
    // Ordered by key, so that the first difference is the first on every run.
    let from = format!(
        "(SELECT {columns}, t AS row FROM {left_table} AS t WHERE tenant_id = $1) AS l \
             FULL JOIN (SELECT {columns}, t AS row FROM {fresh} AS t WHERE tenant_id = $1) AS f \
             USING ({columns})"
    );
    // Rows as they are compare ten times as fast as their JSON.
    let differ = if ignoring.is_empty() {
        "l.row IS DISTINCT FROM f.row AND $2::text[] IS NOT NULL"
    } else {
        "to_jsonb(l.row) - $2::text[] IS DISTINCT FROM to_jsonb(f.row) - $2::text[]"
    };
    let counted: (i64, i64) =
        sqlx::query_as(&format!("SELECT count(*), count(*) FILTER (WHERE {differ}) FROM {from}"))
            .bind(tenant.uuid())
            .bind(ignoring)
            .fetch_one(&mut *tx)
            .await?;
    all.rows += counted.0.cast_unsigned();
    all.differ += counted.1.cast_unsigned();
    let left = i64::try_from(limit.saturating_sub(all.first.len())).unwrap_or(i64::MAX);
    if counted.1 == 0 || left == 0 {
        return Ok(());
    }
    let pairs: Vec<Pair> = sqlx::query_as(&format!(
        "SELECT jsonb_build_object({named}), to_jsonb(l.row) - $2::text[], to_jsonb(f.row) - $2::text[] \
             FROM {from} WHERE {differ} ORDER BY {columns} LIMIT $3"
    ))
    .bind(tenant.uuid())
    .bind(ignoring)
    .bind(left)
    .fetch_all(&mut *tx)
    .await?;
    all.first.extend(pairs.into_iter().map(|pair| difference(table, pair)));
    Ok(())
}

/// The columns of the primary key, but for the tenant.
pub(super) async fn key_of(tx: &mut PgConnection, table: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(include_str!("key.sql")).bind(table).fetch_all(tx).await
}

fn difference(table: &str, (key, live, log): Pair) -> Difference {
    let (mut live, mut log) = (live.map(|row| row.0), log.map(|row| row.0));
    if let (Some(live), Some(log)) = (&mut live, &mut log) {
        let is_same = |name: &String| live.get(name) == log.get(name);
        let same: BTreeSet<String> = live.keys().filter(|name| is_same(name)).cloned().collect();
        live.retain(|name, _| !same.contains(name));
        log.retain(|name, _| !same.contains(name));
    }
    let shown = |row: Option<Map<String, Value>>| row.map_or(Value::Null, Value::Object);
    Difference { table: table.to_owned(), key: key.0, live: shown(live), log: shown(log) }
}
