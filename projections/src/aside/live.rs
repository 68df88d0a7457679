//! Comparisons in a transaction of their own, which leaves nothing.

use std::sync::Arc;

use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog};
use sqlx::{Executor as _, PgPool};

use crate::{projector::Projector, tx::bulk_transaction};

use super::{
    AsideError, Compared, Digest, Until, compare, compare_positions, digest::digests_of_live,
    fold_into_temporary,
};

/// A live read model against the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedWithLive {
    /// Where the read model stands.
    pub position: Position,
    /// Its rows against those of a fold.
    pub compared: Compared,
    /// What its rows come to.
    pub digest: Digest,
    /// What was kept of them, which is the same unless someone wrote where no trigger saw it.
    pub kept: Digest,
}

/// Compares a live read model with a fold of the log up to where it stands, in one snapshot, row by
/// row. As [`compare`] otherwise.
///
/// The role of the pool sees the tenant in schema `read` and may make temporary tables.
pub async fn compare_with_live<L: EventLog>(
    pool: &PgPool,
    log: Arc<L>,
    tenant: TenantId,
    projector: Arc<dyn Projector>,
    ignoring: &'static [&'static str],
    limit: usize,
) -> Result<ComparedWithLive, AsideError> {
    bulk_transaction(pool, move |tx| {
        Box::pin(async move {
            // Temporary tables are all that is written; the role may write nothing else.
            tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE").await?;
            let (name, version) = (projector.name(), projector.version());
            let stands: Option<(i32, i64)> = sqlx::query_as(include_str!("live.sql"))
                .bind(tenant.uuid())
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
            let (live, stands) = stands.unwrap_or((version, 0));
            if live != version {
                return Err(AsideError::OtherVersion { projector: name, live, version });
            }
            let position = Position(stands.cast_unsigned());
            let until = Until::Position(position);
            fold_into_temporary(tx, &log, tenant, &[Arc::clone(&projector)], until).await?;
            let compared = compare(tx, tenant, projector.as_ref(), ignoring, limit).await?;
            let (digest, kept) = digests_of_live(tx, tenant, projector.as_ref()).await?;
            Ok(ComparedWithLive { position, compared, digest, kept })
        })
    })
    .await
}

/// As [`compare_positions`], in a transaction of its own.
pub async fn compare_between<L: EventLog>(
    pool: &PgPool,
    log: Arc<L>,
    tenant: TenantId,
    projector: Arc<dyn Projector>,
    range: (Position, Position),
    ignoring: &'static [&'static str],
    limit: usize,
) -> Result<Compared, AsideError> {
    bulk_transaction(pool, move |tx| {
        Box::pin(async move {
            tx.execute("SET TRANSACTION READ WRITE").await?;
            compare_positions(tx, &log, tenant, &projector, range, ignoring, limit).await
        })
    })
    .await
}
