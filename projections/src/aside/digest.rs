//! Digests of read models: what the rows of a tenant come to, kept per table and day by triggers, in
//! the transaction of the rows (`ops.digests`).
//!
//! They compare two states of a read model by a look at its days, and tell when rows were changed in
//! a way that no trigger saw. They are no proof against someone who looks for rows with the same
//! digest: auditors' comparisons go row by row.

use std::{fmt, sync::Arc};

use chrono::NaiveDate;
use daybook_domain::ids::TenantId;
use sqlx::{Executor as _, PgConnection, PgPool};

use crate::{projector::Projector, tx::bulk_transaction};

use super::fold::bare;

/// What some rows come to, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many they are.
    pub rows: u64,
    a: i64,
    b: i64,
}

impl Digest {
    fn with(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, a: self.a ^ other.a, b: self.b ^ other.b }
    }
}

/// 32 hex digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.a, self.b)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<(i64, i64, i64)> for Digest {
    fn from((rows, a, b): (i64, i64, i64)) -> Self {
        Self { rows: rows.cast_unsigned(), a, b }
    }
}

/// The digest of the live rows of a tenant, read row by row, and what was kept of them.
pub(super) async fn digests_of_live(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
) -> Result<(Digest, Digest), sqlx::Error> {
    let (mut read, mut kept) = (Digest::default(), Digest::default());
    for table in projector.tables() {
        let statement = format!(
            "SELECT count(*), coalesce(bit_xor(hash_record_extended(t, 0)), 0), \
                    coalesce(bit_xor(hash_record_extended(t, 1)), 0) \
               FROM {table} AS t WHERE tenant_id = $1"
        );
        let rows: (i64, i64, i64) =
            sqlx::query_as(&statement).bind(tenant.uuid()).fetch_one(&mut *tx).await?;
        read = read.with(rows.into());
        let days: (i64, i64, i64) = sqlx::query_as(include_str!("digest.sql"))
            .bind(tenant.uuid())
            .bind(bare(table))
            .fetch_one(&mut *tx)
            .await?;
        kept = kept.with(days.into());
    }
    Ok((read, kept))
}

/// Whether what is kept of the live rows is what they come to, in one snapshot.
pub(super) async fn digests_are_true(
    pool: &PgPool,
    tenant: TenantId,
    projector: Arc<dyn Projector>,
) -> Result<bool, sqlx::Error> {
    bulk_transaction(pool, move |tx| {
        Box::pin(async move {
            tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
            let (read, kept) = digests_of_live(tx, tenant, projector.as_ref()).await?;
            Ok(read == kept)
        })
    })
    .await
}

/// Counts the digests of the live rows anew.
pub(super) async fn count_digests(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
) -> Result<(), sqlx::Error> {
    for table in projector.tables() {
        let statement = format!("SELECT ops.count_digests_of_{}($1)", bare(table));
        sqlx::query(&statement).bind(tenant.uuid()).execute(&mut *tx).await?;
    }
    Ok(())
}

/// The days on which what is live is not what `read_next` holds, and how many rows are live.
pub(super) async fn days_that_differ(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
) -> Result<(Vec<NaiveDate>, u64), sqlx::Error> {
    let (mut all, mut rows) = (Vec::new(), 0);
    for table in projector.tables() {
        let (live, days): (i64, Vec<NaiveDate>) = sqlx::query_as(include_str!("digests.sql"))
            .bind(tenant.uuid())
            .bind(bare(table))
            .fetch_one(&mut *tx)
            .await?;
        rows += live.cast_unsigned();
        all.extend(days);
    }
    all.sort_unstable();
    all.dedup();
    Ok((all, rows))
}
