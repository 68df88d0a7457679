//! What became of appends whose answer was lost.

use std::collections::HashMap;

use daybook_domain::{
    event_log::{Append, Position},
    ports::LogError,
};
use sqlx::{PgPool, Row as _};
use tokio::time::timeout;
use uuid::Uuid;

use super::{batch::sequence, rows};
use crate::postgres::{Held, STATEMENT};

/// The positions of those appends that are in the log, by their index. An append is recognised by the
/// id of an event of its own; one that is not there may be on its way still.
pub(super) async fn ask_for_outcomes(
    pool: &PgPool,
    appends: &[&Append],
) -> HashMap<usize, Position> {
    match found(pool, appends).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "nobody can say what became of appends");
            HashMap::new()
        }
    }
}

async fn found(pool: &PgPool, appends: &[&Append]) -> Result<HashMap<usize, Position>, LogError> {
    let mut numbers: Vec<i32> = Vec::new();
    let (mut tenants, mut types, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let (mut after, mut events): (Vec<i64>, Vec<Uuid>) = (Vec::new(), Vec::new());
    for (number, append) in (0..).zip(appends) {
        for write in &append.writes {
            let Some(last) = write.events.last() else { continue };
            numbers.push(number);
            tenants.push(append.tenant.uuid());
            types.push(&*write.stream.aggregate_type);
            ids.push(&*write.stream.aggregate_id);
            after.push(write.expected.revision().map_or(0, sequence));
            events.push(last.event_id);
        }
    }
    let mut held = Held::acquire(pool).await.map_err(rows::unavailable)?;
    let found = sqlx::query(include_str!("outcomes.sql"))
        .bind(numbers)
        .bind(tenants)
        .bind(types)
        .bind(ids)
        .bind(after)
        .bind(events)
        .fetch_all(&mut *held);
    let found = timeout(STATEMENT, found).await;
    let found = held.finish(found).map_err(rows::unavailable)?;
    let position = |row| {
        let number: i32 =
            sqlx::postgres::PgRow::try_get(row, "append_no").map_err(rows::unreadable)?;
        let position: i64 = row.try_get("position").map_err(rows::unreadable)?;
        Ok((usize::try_from(number).unwrap_or(usize::MAX), Position(rows::count(position)?)))
    };
    found.iter().map(position).collect()
}
