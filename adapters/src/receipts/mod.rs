//! Decision receipts: what was asked, what was answered, and on which position, so that "no" can be
//! looked at afterwards. They are no history: they are kept for a while and swept.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgPool, types::Json};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::postgres::{STATEMENT, Scope, Stalled, may_pass, silent, unless_stalled};

/// How long a receipt is kept.
pub const KEPT: TimeDelta = TimeDelta::days(30);
/// Receipts that may wait to be written; whoever asks more waits with them.
const WAITING: usize = 10_000;
/// Receipts that are written at once.
const BATCH: usize = 500;
/// Tries after the first; with the pauses in between some 12 seconds, as long as a server takes to
/// come back.
const TRIES: u32 = 5;

/// What was asked and answered. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub receipt_id: Uuid,
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// By which key.
    pub key_id: Uuid,
    /// Under which request id.
    pub request_id: String,
    /// Which route, such as `POST /api/v2/availability/search`.
    pub route: String,
    /// What was asked, without personal data.
    pub question: Value,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The code of a refusal.
    pub code: Option<String>,
    /// The position that the answer rests on.
    pub position: Option<u64>,
    /// SHA-256 of the answer, as 64 hexadecimal digits.
    pub answer_hash: String,
    /// The answer, unless it is long.
    pub answer: Option<Value>,
}

enum Work {
    Keep(TenantId, Box<Receipt>),
    Flush(oneshot::Sender<()>),
}

/// The receipts of all tenants. Cheap to clone; clones share the writer.
#[derive(Clone)]
pub struct Receipts {
    pool: PgPool,
    writer: mpsc::Sender<Work>,
}

impl std::fmt::Debug for Receipts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipts").finish_non_exhaustive()
    }
}

/// Which receipts are listed. Absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// With this status.
    pub status: Option<u16>,
    /// Refused with this code.
    pub code: Option<String>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Until before this instant.
    pub to: Option<DateTime<Utc>>,
}

impl Receipts {
    /// Receipts behind a pool of the application's role, and their writer, which ends with the last
    /// clone.
    pub fn start(pool: PgPool) -> Self {
        let (writer, work) = mpsc::channel(WAITING);
        tokio::spawn(write(pool.clone(), work));
        Self { pool, writer }
    }

    /// Keeps a receipt. It is written behind the answer; a full queue makes the caller wait.
    pub async fn keep(&self, tenant: TenantId, receipt: Receipt) {
        if self.writer.send(Work::Keep(tenant, Box::new(receipt))).await.is_err() {
            tracing::error!("the writer of receipts has ended");
        }
    }

    /// Waits until everything that was kept is written.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.writer.send(Work::Flush(done)).await.is_ok() {
            drop(written.await);
        }
    }

    /// A receipt of a tenant.
    pub async fn one(&self, tenant: TenantId, id: Uuid) -> Result<Option<Receipt>, sqlx::Error> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let row: Option<Json<Receipt>> = sqlx::query_scalar(include_str!("one.sql"))
            .bind(tenant.uuid())
            .bind(id)
            .fetch_optional(&mut *scope)
            .await?;
        Ok(row.map(|row| row.0))
    }

    /// A page of receipts, the latest first; at most `limit`.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &ReceiptFilter,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Receipt>, sqlx::Error> {
        page(&self.pool, tenant, filter, before, limit).await
    }
}

/// A page of receipts, the latest first; at most `limit`. For readers that keep none.
pub async fn page(
    pool: &PgPool,
    tenant: TenantId,
    filter: &ReceiptFilter,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Receipt>, sqlx::Error> {
    let mut scope = Scope::acquire(pool, tenant).await?;
    let rows: Vec<Json<Receipt>> = sqlx::query_scalar(include_str!("list.sql"))
        .bind(tenant.uuid())
        .bind(filter.status.map(i32::from))
        .bind(filter.code.as_deref())
        .bind(filter.from)
        .bind(filter.to)
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&mut *scope)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Writes what is kept, in batches, until nobody keeps anything any more.
async fn write(pool: PgPool, mut work: mpsc::Receiver<Work>) {
    let mut batch = Vec::with_capacity(BATCH);
    while 0 < work.recv_many(&mut batch, BATCH).await {
        let mut by_tenant: std::collections::BTreeMap<TenantId, Vec<Receipt>> =
            std::collections::BTreeMap::new();
        let mut flushed = Vec::new();
        for one in batch.drain(..) {
            match one {
                Work::Keep(tenant, receipt) => by_tenant.entry(tenant).or_default().push(*receipt),
                Work::Flush(done) => flushed.push(done),
            }
        }
        for (tenant, receipts) in by_tenant {
            if let Err(error) = store(&pool, tenant, &receipts).await {
                let lost = receipts.len();
                tracing::error!(%tenant, %error, lost, "receipts could not be written");
            }
        }
        for done in flushed {
            // Whoever asked may have stopped waiting.
            let _heard = done.send(());
        }
    }
}

/// Writes receipts, tried again while the database is away, and sweeps as many that are old.
#[expect(
    clippy::disallowed_methods,
    reason = "the pause before another try; nothing else tells that the database is back"
)]
async fn store(pool: &PgPool, tenant: TenantId, receipts: &[Receipt]) -> Result<(), sqlx::Error> {
    let Some(latest) = receipts.iter().map(|receipt| receipt.at).max() else { return Ok(()) };
    let mut tries = 0;
    loop {
        let written = async {
            let mut scope = Scope::acquire(pool, tenant).await?;
            sqlx::query(include_str!("store.sql"))
                .bind(tenant.uuid())
                .bind(Json(receipts))
                .execute(&mut *scope)
                .await?;
            sqlx::query(include_str!("sweep.sql"))
                .bind(tenant.uuid())
                .bind(latest - KEPT)
                .bind(2 * i64::try_from(receipts.len()).unwrap_or(i64::MAX / 2))
                .execute(&mut *scope)
                .await
        };
        let written = unless_stalled(STATEMENT, written).await;
        match written.unwrap_or_else(|Stalled| Err(silent())) {
            Ok(_) => return Ok(()),
            Err(error) if tries < TRIES && may_pass(&error) => tries += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(200 << tries)).await;
    }
}
