//! The log on PostgreSQL.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use daybook_domain::{
    event_log::{Append, Appended, Head, Position, RecordedEvent, Revision, StreamId, StreamTail},
    ids::TenantId,
    ports::{AppendError, EventLog, LogError, StoredAnswer},
};
use sqlx::{PgPool, Row as _, postgres::PgRow};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    batch::sequence,
    check::check,
    lane::{self, Pending},
    notifier::Hints,
    rows,
    scan::scan,
};

/// How a [`PostgresLog`] works.
#[derive(Clone, Copy, Debug)]
pub struct PostgresLogConfig {
    /// How many batches are under way at once; a tenant always takes the same lane. Fewer lanes
    /// make larger batches: two keep the disk and the database busy in turns.
    pub lanes: usize,
    /// How many appends may wait in a lane before callers wait to enter it.
    pub queue: usize,
}

impl Default for PostgresLogConfig {
    fn default() -> Self {
        Self { lanes: 2, queue: 1024 }
    }
}

/// The log on PostgreSQL. Cloning it is cheap and shares the lanes.
#[derive(Clone)]
pub struct PostgresLog {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    lanes: Vec<mpsc::Sender<Pending>>,
    hints: Hints,
}

impl fmt::Debug for PostgresLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLog")
            .field("lanes", &self.inner.lanes.len())
            .finish_non_exhaustive()
    }
}

impl PostgresLog {
    /// A log over a pool of role [`Append`](crate::postgres::PoolRole::Append). Its lanes are tasks
    /// of the current runtime.
    pub fn new(pool: PgPool) -> Self {
        Self::with_config(pool, PostgresLogConfig::default())
    }

    /// As [`PostgresLog::new`], with other lanes.
    pub fn with_config(pool: PgPool, config: PostgresLogConfig) -> Self {
        let hints = Hints::default();
        let lanes = (0..config.lanes.max(1))
            .map(|_| {
                let (sender, queue) = mpsc::channel(config.queue.max(1));
                tokio::spawn(lane::run(pool.clone(), queue, hints.clone()));
                sender
            })
            .collect();
        Self { inner: Arc::new(Inner { pool, lanes, hints }) }
    }

    /// What was committed, as it happens: by this process at once, by others once a
    /// [`HintRelay`](super::HintRelay) runs.
    pub fn hints(&self) -> &Hints {
        &self.inner.hints
    }

    fn lane(&self, tenant: TenantId) -> &mpsc::Sender<Pending> {
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        let lanes = &self.inner.lanes;
        let index = hasher.finish() % lanes.len() as u64;
        &lanes[usize::try_from(index).unwrap_or(0)]
    }
}

impl EventLog for PostgresLog {
    async fn open_tenant(&self, tenant: TenantId) -> Result<(), LogError> {
        sqlx::query("INSERT INTO log.tenant_head (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(tenant.uuid())
            .execute(&self.inner.pool)
            .await
            .map_err(rows::unavailable)?;
        Ok(())
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        check(&append)?;
        let (reply, answer) = oneshot::channel();
        self.lane(append.tenant)
            .send(Pending { append, reply })
            .await
            .map_err(|_closed| LogError::Unavailable("the lanes are closed".into()))?;
        // A lane that died mid-way leaves the outcome unknown.
        answer.await.map_err(|error| LogError::Unavailable(Box::new(error)))?
    }

    async fn read_streams(
        &self,
        tenant: TenantId,
        after: &[(StreamId, Revision)],
    ) -> Result<Vec<StreamTail>, LogError> {
        let types: Vec<&str> = after.iter().map(|(stream, _)| &*stream.aggregate_type).collect();
        let ids: Vec<&str> = after.iter().map(|(stream, _)| &*stream.aggregate_id).collect();
        let sequences: Vec<i64> = after.iter().map(|(_, revision)| sequence(*revision)).collect();
        let rows = sqlx::query(include_str!("read_streams.sql"))
            .bind(tenant.uuid())
            .bind(types)
            .bind(ids)
            .bind(sequences)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(rows::unavailable)?;
        stream_tails(tenant, after, &rows)
    }

    async fn read_tenant(
        &self,
        tenant: TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let rows = sqlx::query(include_str!("read_tenant.sql"))
            .bind(tenant.uuid())
            .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
            .bind(i64::try_from(after.0.saturating_add(limit as u64)).unwrap_or(i64::MAX))
            .fetch_all(&self.inner.pool)
            .await
            .map_err(rows::unavailable)?;
        let event = |row| rows::event(row, &rows::PLAIN, tenant, rows::stream(row)?);
        let events = rows.iter().map(event).collect::<Result<Vec<_>, _>>()?;
        gapless(tenant, after, &events)?;
        Ok(events)
    }

    async fn scan(
        &self,
        tenant: TenantId,
        (after, to): (Position, Position),
        types: &[&'static str],
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let events = scan(self.inner.pool.clone(), tenant, (after, to), types).await?;
        if types.is_empty() {
            gapless(tenant, after, &events)?;
        }
        Ok(events)
    }

    async fn head(&self, tenant: TenantId) -> Result<Option<Head>, LogError> {
        let row = sqlx::query(
            "SELECT tenant_id, position, hash FROM log.tenant_head WHERE tenant_id = $1",
        )
        .bind(tenant.uuid())
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(rows::unavailable)?;
        row.as_ref().map(head).transpose()
    }

    async fn heads(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Head>, LogError> {
        // The nil UUID is no tenant: nothing is lost below it.
        let rows = sqlx::query(include_str!("heads.sql"))
            .bind(after.map_or(Uuid::nil(), TenantId::uuid))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.inner.pool)
            .await
            .map_err(rows::unavailable)?;
        rows.iter().map(head).collect()
    }

    async fn moved_heads(&self, ranges: &[i32], within: Duration) -> Result<Vec<Head>, LogError> {
        let rows = sqlx::query(include_str!("moved_heads.sql"))
            .bind(ranges)
            .bind(within.as_secs_f64())
            .fetch_all(&self.inner.pool)
            .await
            .map_err(rows::unavailable)?;
        rows.iter().map(head).collect()
    }

    async fn answer(&self, tenant: TenantId, key: &str) -> Result<Option<StoredAnswer>, LogError> {
        let row = sqlx::query(include_str!("answer.sql"))
            .bind(tenant.uuid())
            .bind(key)
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(rows::unavailable)?;
        let Some(row) = row else { return Ok(None) };
        let decoded = || -> Result<_, sqlx::Error> {
            Ok((
                row.try_get::<i64, _>("position")?,
                rows::hash(row.try_get("request_hash")?)?,
                row.try_get_unchecked("result")?,
            ))
        };
        let (position, request_hash, result) = decoded().map_err(rows::unreadable)?;
        Ok(Some(StoredAnswer { position: Position(rows::count(position)?), request_hash, result }))
    }
}

fn gapless(tenant: TenantId, after: Position, events: &[RecordedEvent]) -> Result<(), LogError> {
    let mut last = after;
    for event in events {
        if event.position.0 != last.0 + 1 {
            return Err(LogError::Damaged(format!(
                "tenant {tenant} has position {} after {last}",
                event.position
            )));
        }
        last = event.position;
    }
    Ok(())
}

fn head(row: &PgRow) -> Result<Head, LogError> {
    let decoded = || -> Result<(Uuid, i64, [u8; 32]), sqlx::Error> {
        Ok((row.try_get("tenant_id")?, row.try_get("position")?, rows::hash(row.try_get("hash")?)?))
    };
    let (tenant, position, hash) = decoded().map_err(rows::unreadable)?;
    Ok(Head { tenant: TenantId::new(tenant), position: Position(rows::count(position)?), hash })
}

fn stream_tails(
    tenant: TenantId,
    after: &[(StreamId, Revision)],
    rows: &[PgRow],
) -> Result<Vec<StreamTail>, LogError> {
    let mut tails: Vec<StreamTail> = after
        .iter()
        .map(|(stream, _)| StreamTail {
            stream: stream.clone(),
            revision: Revision(0),
            events: Vec::new(),
        })
        .collect();
    for row in rows {
        let number: i64 = row.try_get("stream_no").map_err(rows::unreadable)?;
        let tail = usize::try_from(number)
            .ok()
            .and_then(|number| tails.get_mut(number.checked_sub(1)?))
            .ok_or_else(|| LogError::Damaged(format!("stream number {number}")))?;
        let alone: Option<i64> = row.try_get("stream_sequence").map_err(rows::unreadable)?;
        if let Some(revision) = alone {
            tail.revision = Revision(rows::count(revision)?);
        } else {
            let event = rows::event(row, &rows::PLAIN, tenant, tail.stream.clone())?;
            tail.revision = event.revision;
            tail.events.push(event);
        }
    }
    Ok(tails)
}

#[cfg(test)]
mod tests {
    use super::PostgresLog;
    use crate::{postgres::PoolRole, testing::TestDatabase};

    crate::contract_tests!(async {
        let database = TestDatabase::new().await;
        (PostgresLog::new(database.pool(PoolRole::Append).await), database)
    });
}
