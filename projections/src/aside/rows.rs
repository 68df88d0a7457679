//! The rows of a read model as of a moment, one after the other.

use std::sync::Arc;

use daybook_domain::{ids::TenantId, ports::EventLog};
use futures::TryStreamExt as _;
use serde_json::Value;
use sqlx::{Executor as _, PgPool, types::Json};
use tokio::sync::mpsc::Sender;

use crate::{projector::Projector, tx::bulk_transaction};

use super::{
    AsideError, Folded, Until,
    compare::key_of,
    fold::{bare, fold_into_temporary},
};

/// A row: its table, and its columns by name but for the tenant.
pub type ReadRow = (&'static str, Value);

/// Folds a read model up to a moment and sends its rows, ordered by their keys. Nothing of it is left.
/// A receiver that has seen enough ends it.
///
/// The role of the pool sees the tenant in schema `read` and may make temporary tables.
pub async fn rows_as_of<L: EventLog>(
    pool: &PgPool,
    log: Arc<L>,
    tenant: TenantId,
    projector: Arc<dyn Projector>,
    until: Until,
    rows: Sender<ReadRow>,
) -> Result<Folded, AsideError> {
    bulk_transaction(pool, move |tx| {
        Box::pin(async move {
            tx.execute("SET TRANSACTION READ WRITE").await?;
            let projectors = [Arc::clone(&projector)];
            let folded = fold_into_temporary(tx, &log, tenant, &projectors, until).await?;
            for table in projector.tables() {
                let key = key_of(tx, table).await?.join(", ");
                let statement = format!(
                    "SELECT to_jsonb(t) - 'tenant_id' FROM {} AS t WHERE tenant_id = $1 ORDER BY {key}",
                    bare(table)
                );
                let mut found = sqlx::query_scalar(&statement).bind(tenant.uuid()).fetch(&mut *tx);
                while let Some(Json(row)) = found.try_next().await? {
                    if rows.send((*table, row)).await.is_err() {
                        return Ok(folded);
                    }
                }
            }
            Ok(folded)
        })
    })
    .await
}
