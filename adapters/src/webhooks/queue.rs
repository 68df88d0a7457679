//! What is to be handed out and sent, across tenants: the sender's side of the tables.

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::RecordedEvent, ids::TenantId};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::signature::Scheme;

/// The last attempts of a delivery that are kept.
const ATTEMPTS_KEPT: i32 = 20;

/// An endpoint that was not told of everything yet.
#[derive(FromRow)]
pub(super) struct Behind {
    pub(super) tenant_id: Uuid,
    pub(super) endpoint_id: Uuid,
    pub(super) position: i64,
    pub(super) event_types: Vec<String>,
}

/// A delivery that was taken to be sent.
#[derive(FromRow)]
pub struct Due {
    pub(super) tenant_id: Uuid,
    pub(super) endpoint_id: Uuid,
    pub(super) position: i64,
    pub(super) event_id: Uuid,
    pub(super) step: i16,
    pub(super) lease_id: Uuid,
    pub(super) url: String,
    pub(super) include_personal: bool,
    pub(super) signature: Scheme,
    pub(super) secret: Vec<u8>,
    pub(super) previous_secret: Option<Vec<u8>>,
}

/// URLs may hold secrets of the receiver.
impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Due({} to {})", self.message_id(), self.endpoint_id)
    }
}

impl Due {
    pub(super) const fn tenant(&self) -> TenantId {
        TenantId::new(self.tenant_id)
    }

    /// The same on every attempt.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.event_id.simple())
    }
}

/// What an attempt means for its delivery and its endpoint.
pub(super) struct Settled {
    pub(super) state: &'static str,
    pub(super) next_attempt_at: DateTime<Utc>,
    pub(super) at: DateTime<Utc>,
    pub(super) status: Option<u16>,
    pub(super) latency_ms: i32,
    pub(super) error: Option<&'static str>,
    pub(super) disabled_reason: Option<&'static str>,
    pub(super) paused_until: Option<DateTime<Utc>>,
}

/// The tables; the pool needs the sender's role.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pool: PgPool,
}

impl Queue {
    pub(super) const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The endpoints of the tenants of some ranges that were not told of everything yet.
    pub(super) async fn behind(&self, ranges: &[i32]) -> Result<Vec<Behind>, sqlx::Error> {
        sqlx::query_as(include_str!("behind.sql")).bind(ranges).fetch_all(&self.pool).await
    }

    /// Writes the deliveries of an endpoint up to a position. Whether it was still behind.
    pub(super) async fn hand_out(
        &self,
        behind: &Behind,
        events: &[RecordedEvent],
        reached: i64,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let is_wanted = |event: &&RecordedEvent| event.is_one_of(&behind.event_types);
        let wanted: Vec<_> = events.iter().filter(is_wanted).collect();
        let positions = wanted.iter().map(|it| i64::try_from(it.position.0).unwrap_or(i64::MAX));
        let moved: i64 = sqlx::query_scalar(include_str!("hand_out.sql"))
            .bind(behind.tenant_id)
            .bind(behind.endpoint_id)
            .bind(behind.position)
            .bind(reached)
            .bind(&behind.event_types)
            .bind(now)
            .bind(positions.collect::<Vec<_>>())
            .bind(wanted.iter().map(|it| it.event_id).collect::<Vec<_>>())
            .bind(wanted.iter().map(|it| it.event_type.as_str()).collect::<Vec<_>>())
            .fetch_one(&self.pool)
            .await?;
        Ok(0 < moved)
    }

    /// Takes what is due until `until`, at most `most`, at most `each` of an endpoint, nothing of those
    /// that are busy.
    pub(super) async fn take(
        &self,
        (now, until): (DateTime<Utc>, DateTime<Utc>),
        lease_id: Uuid,
        (most, each): (i64, i64),
        busy: &[Uuid],
    ) -> Result<Vec<Due>, sqlx::Error> {
        sqlx::query_as(include_str!("take.sql"))
            .bind(now)
            .bind(until)
            .bind(lease_id)
            .bind(most)
            .bind(each)
            .bind(busy)
            .fetch_all(&self.pool)
            .await
    }

    pub(super) async fn settle(&self, due: &Due, settled: &Settled) -> Result<(), sqlx::Error> {
        sqlx::query(include_str!("settle.sql"))
            .bind(due.tenant_id)
            .bind(due.endpoint_id)
            .bind(due.position)
            .bind(due.lease_id)
            .bind(settled.state)
            .bind(settled.next_attempt_at)
            .bind(settled.at)
            .bind(settled.status.and_then(|it| i16::try_from(it).ok()))
            .bind(settled.latency_ms)
            .bind(settled.error)
            .bind(settled.disabled_reason)
            .bind(settled.paused_until)
            .bind(&due.url)
            .bind(ATTEMPTS_KEPT)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets what was settled before an instant, some of each endpoint.
    pub(super) async fn forget(&self, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(include_str!("forget.sql")).bind(before);
        Ok(done.execute(&self.pool).await?.rows_affected())
    }

    /// Forgets the answers of before an instant.
    pub(super) async fn forget_answers(&self, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let statement = sqlx::query(include_str!("forget_answers.sql")).bind(before);
        statement.execute(&self.pool).await?;
        Ok(())
    }
}
