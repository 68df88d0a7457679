//! The stored answers of commands, which move with the log.

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::TenantId};
use sqlx::{PgPool, Row as _, postgres::PgRow};

use super::{TransferError, number};
use crate::log::rows;

/// A row of `log.commands`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCommand {
    /// The client's idempotency key.
    pub key: String,
    /// A keyed hash of the request; zeros where it is not kept any more.
    pub request_hash: [u8; 32],
    /// The answer: JSON text as it was stored.
    pub result: String,
    /// The position that the answer rests on.
    pub position: Position,
    /// When it was stored.
    pub recorded_at: DateTime<Utc>,
}

/// The next stored answers after a key, of commands that rest on these positions, both included;
/// none at the end.
pub async fn read_answers(
    pool: &PgPool,
    tenant: TenantId,
    after: Option<&str>,
    (from, to): (Position, Position),
) -> Result<Vec<StoredCommand>, TransferError> {
    let rows = sqlx::query(include_str!("read_answers.sql"))
        .bind(tenant.uuid())
        .bind(after)
        .bind(number(from.0)?)
        .bind(number(to.0)?)
        .fetch_all(pool)
        .await?;
    rows.iter().map(answer).collect()
}

fn answer(row: &PgRow) -> Result<StoredCommand, TransferError> {
    let position: i64 = row.try_get("position")?;
    Ok(StoredCommand {
        key: row.try_get("key")?,
        request_hash: rows::hash(row.try_get("request_hash")?)?,
        result: row.try_get("result")?,
        position: Position(
            u64::try_from(position)
                .map_err(|_negative| TransferError::OutOfRange("an answer rests on nothing"))?,
        ),
        recorded_at: row.try_get("recorded_at")?,
    })
}
