//! New rows in the place of the live ones, and back.
//!
//! Most of them are the same: only those that are not are written, so that whoever waits for the live
//! projector does not wait for long, whatever the size of the table. After a swap `read_before` holds
//! the rows that were replaced, and `read_next` those that replaced them.
//!
//! Between two versions all old rows are kept: what the new one makes of a row afterwards is nothing
//! that the old one could go on with.

use daybook_domain::ids::TenantId;
use sqlx::{Executor as _, PgConnection};

use super::{compare::key_of, fold::bare};

/// Which of the old rows a way back needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Those that were replaced: the same version goes on.
    Replaced,
    /// All of them: another version goes on.
    All,
}

impl Kept {
    /// What is kept when one version takes the place of another, or of itself.
    pub(super) const fn between(before: i32, after: i32) -> Self {
        if before == after { Self::Replaced } else { Self::All }
    }
}

/// Puts the rows of `read_next` in the place of those of a table of schema `read`.
pub(super) async fn replace(
    tx: &mut PgConnection,
    tenant: TenantId,
    table: &str,
    kept: Kept,
) -> Result<(), sqlx::Error> {
    let (name, key) = (bare(table), key_of(tx, table).await?);
    let columns = key.join(", ");
    let changed = format!("changed_{name}");
    let listed = format!(
        "CREATE TEMPORARY TABLE {changed} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA"
    );
    tx.execute(listed.as_str()).await?;
    clear(tx, tenant, "read_before", name).await?;
    let rows =
        |of: &str| format!("(SELECT {columns}, t AS row FROM {of} AS t WHERE tenant_id = $1)");
    let is_changed = format!("tenant_id = $1 AND ({columns}) IN (SELECT {columns} FROM {changed})");
    let is_kept = match kept {
        Kept::Replaced => is_changed.as_str(),
        Kept::All => "tenant_id = $1",
    };
    let same_key: Vec<String> =
        key.iter().map(|column| format!("c.{column} = {name}.{column}")).collect();
    let statements = [
        format!(
            "INSERT INTO {changed} SELECT {columns} FROM {} AS l FULL JOIN {} AS n USING ({columns}) \
             WHERE l.row IS DISTINCT FROM n.row",
            rows(table),
            rows(&format!("read_next.{name}"))
        ),
        format!("INSERT INTO read_before.{name} SELECT * FROM {table} WHERE {is_kept}"),
        format!("DELETE FROM {table} WHERE {is_changed}"),
        format!(
            "DELETE FROM read_next.{name} WHERE tenant_id = $1 \
             AND NOT EXISTS (SELECT FROM {changed} AS c WHERE {})",
            same_key.join(" AND ")
        ),
        format!("INSERT INTO {table} SELECT * FROM read_next.{name} WHERE tenant_id = $1"),
    ];
    for statement in &statements {
        sqlx::query(statement).bind(tenant.uuid()).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Undoes [`replace`]. What the same version has made since then stays: it goes on from where the old
/// rows stood, and finds it again.
pub(super) async fn put_back(
    tx: &mut PgConnection,
    tenant: TenantId,
    table: &str,
    kept: Kept,
) -> Result<(), sqlx::Error> {
    let (name, columns) = (bare(table), key_of(tx, table).await?.join(", "));
    let of = |schema: &str| format!("SELECT {columns} FROM {schema}.{name} WHERE tenant_id = $1");
    let narrowed = match kept {
        Kept::Replaced => {
            format!("AND ({columns}) IN ({} UNION {})", of("read_next"), of("read_before"))
        }
        Kept::All => String::new(),
    };
    let statements = [
        format!("DELETE FROM {table} WHERE tenant_id = $1 {narrowed}"),
        format!("INSERT INTO {table} SELECT * FROM read_before.{name} WHERE tenant_id = $1"),
    ];
    for statement in &statements {
        sqlx::query(statement).bind(tenant.uuid()).execute(&mut *tx).await?;
    }
    clear(tx, tenant, "read_next", name).await?;
    clear(tx, tenant, "read_before", name).await
}

/// Deletes the rows of a tenant.
pub(super) async fn clear(
    tx: &mut PgConnection,
    tenant: TenantId,
    schema: &str,
    table: &str,
) -> Result<(), sqlx::Error> {
    let statement = format!("DELETE FROM {schema}.{table} WHERE tenant_id = $1");
    sqlx::query(&statement).bind(tenant.uuid()).execute(tx).await?;
    Ok(())
}

/// Deletes some rows of a tenant. Answers how many.
pub(super) async fn clear_some(
    tx: &mut PgConnection,
    tenant: TenantId,
    ((schema, table), limit): ((&str, &str), usize),
) -> Result<u64, sqlx::Error> {
    let statement = format!(
        "DELETE FROM {schema}.{table} WHERE tenant_id = $1 AND ctid = ANY (ARRAY( \
             SELECT ctid FROM {schema}.{table} WHERE tenant_id = $1 LIMIT $2))"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let gone = sqlx::query(&statement).bind(tenant.uuid()).bind(limit).execute(tx).await?;
    Ok(gone.rows_affected())
}
