//! Parked streams: what a projector could not follow waits here until someone looks at it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use daybook_domain::{
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
    ports::EventLog,
};
use sqlx::{PgConnection, prelude::FromRow};
use tokio::time::timeout;

use crate::{
    aside::Skips,
    connection::{Held, STATEMENT},
    event::Event,
    projector::{ProjectionError, Projector, Reaction},
    tx::transaction,
};

use super::{
    Runner, RunnerError,
    step::{StepError, project_one},
};

/// A stream that waits for someone to look at it.
#[derive(Clone, Debug, FromRow)]
pub struct ParkedStream {
    /// The projector that could not follow.
    pub projector: String,
    /// Its version.
    pub version: i32,
    /// The stream's aggregate type.
    pub aggregate_type: String,
    /// The stream's aggregate id.
    pub aggregate_id: String,
    /// Where the event that failed stands in the tenant's history.
    pub position: i64,
    /// Where the event that failed stands in its stream.
    pub revision: i64,
    /// The type of the event that failed.
    pub event_type: String,
    /// What went wrong.
    pub error: String,
    /// How many later events of the stream wait behind it.
    pub events_behind: i64,
    /// How often the event was tried.
    pub attempts: i32,
    /// When it failed first.
    pub parked_at: DateTime<Utc>,
}

/// What became of another try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// The stream has caught up: so many events were folded in.
    CaughtUp(usize),
    /// An event failed again, or another one behind it.
    StillParked {
        /// The event that failed.
        position: Position,
        /// What went wrong.
        error: String,
    },
    /// No such stream is parked.
    NotParked,
}

impl<L: EventLog> Runner<L> {
    /// The parked streams of a tenant, in the order in which they failed.
    pub async fn parked(&self, tenant: TenantId) -> Result<Vec<ParkedStream>, sqlx::Error> {
        let mut held = Held::acquire(&self.shared.pool).await?;
        let list = sqlx::query_as(include_str!("parked_list.sql")).bind(tenant.uuid());
        let listed = timeout(STATEMENT, list.fetch_all(&mut *held)).await;
        held.finish(listed)
    }

    /// Tries a parked stream again, without the events that the tenant says are to be skipped, from the event that failed up to where its projector stands.
    /// The projector waits meanwhile, so no event of the stream is missed or comes twice.
    pub async fn retry_parked(
        &self,
        tenant: TenantId,
        projector: &str,
        version: i32,
        stream: &StreamId,
    ) -> Result<Retried, RunnerError> {
        let known = self.shared.projectors.iter();
        let mut matching = known.filter(|p| p.name() == projector && p.version() == version);
        let Some(projector) = matching.next().cloned() else { return Ok(Retried::NotParked) };
        let (log, stream) = (self.shared.log.clone(), stream.clone());
        let skips = Skips::load(log.as_ref(), tenant).await?;
        let outcome = transaction(&self.shared.pool, move |tx| {
            Box::pin(async move {
                let projector = projector.as_ref();
                // Locks the checkpoint: the projector cannot pass while the stream catches up.
                let Some(parked) = lock(tx, tenant, projector, &stream).await? else {
                    return Ok(Ok(Retried::NotParked));
                };
                let (reached, revision) = parked;
                let before = Revision(revision.saturating_sub(1));
                let tails = match log.read_streams(tenant, &[(stream.clone(), before)]).await {
                    Ok(tails) => tails,
                    Err(error) => return Ok(Err(RunnerError::Log(error))),
                };
                let events = tails.into_iter().flat_map(|tail| tail.events);
                let due = events.take_while(|event| event.position <= reached);
                catch_up(tx, tenant, (projector, &skips), &stream, due).await.map(Ok)
            })
        })
        .await;
        match outcome {
            Ok(outcome) => outcome,
            Err(StepError::Failed { error, .. }) => {
                Err(RunnerError::Halted { projector: "retried", error })
            }
            Err(StepError::Unavailable(error)) => Err(error.into()),
            Err(StepError::Fenced) => Ok(Retried::NotParked),
        }
    }
}

async fn catch_up(
    tx: &mut PgConnection,
    tenant: TenantId,
    (projector, skips): (&dyn Projector, &Skips),
    stream: &StreamId,
    due: impl Iterator<Item = RecordedEvent> + Send,
) -> Result<Retried, StepError> {
    let mut done = 0;
    for event in due.map(Event::new).filter(|event| !skips.contains(projector, event)) {
        if let Err(error) = project_one(tx, tenant, projector, &event).await? {
            if error.reaction() != Reaction::Park {
                return Err(StepError::Failed { index: 0, error });
            }
            // Those before it are in the read model now: the stream waits at the new place.
            let position = event.recorded.position;
            still_parked(tx, projector, &event.recorded, &error, done).await?;
            return Ok(Retried::StillParked { position, error: error.to_string() });
        }
        done += 1;
    }
    sqlx::query(include_str!("parked_delete.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .bind(stream.aggregate_type.as_ref())
        .bind(stream.aggregate_id.as_ref())
        .execute(&mut *tx)
        .await?;
    Ok(Retried::CaughtUp(done))
}

/// Locks the checkpoint of the projector and answers where it stands and the revision of the event
/// that failed, if the stream is parked.
async fn lock(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
    stream: &StreamId,
) -> Result<Option<(Position, u64)>, sqlx::Error> {
    let position: Option<i64> = sqlx::query_scalar(include_str!("lock.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .fetch_optional(&mut *tx)
        .await?;
    // A statement of its own: it must see what was committed while the first one waited.
    let revision: Option<i64> = sqlx::query_scalar(include_str!("parked_revision.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .bind(stream.aggregate_type.as_ref())
        .bind(stream.aggregate_id.as_ref())
        .fetch_optional(&mut *tx)
        .await?;
    let reached = position.map(|position| Position(position.cast_unsigned()));
    Ok(reached.zip(revision.map(i64::cast_unsigned)))
}

/// The streams of a tenant that wait.
pub(super) async fn streams(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
) -> Result<BTreeSet<StreamId>, sqlx::Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(include_str!("parked_streams.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .fetch_all(tx)
        .await?;
    Ok(rows.into_iter().map(|(kind, id)| StreamId::new(kind, id)).collect())
}

/// Counts events that wait behind the one that failed; one entry per event.
pub(super) async fn count_behind(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
    behind: &[StreamId],
) -> Result<(), sqlx::Error> {
    if behind.is_empty() {
        return Ok(());
    }
    let types: Vec<&str> = behind.iter().map(|stream| stream.aggregate_type.as_ref()).collect();
    let ids: Vec<&str> = behind.iter().map(|stream| stream.aggregate_id.as_ref()).collect();
    sqlx::query(include_str!("parked_behind.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .bind(&types)
        .bind(&ids)
        .execute(tx)
        .await?;
    Ok(())
}

/// Parks the stream of an event that failed.
pub(super) async fn park(
    tx: &mut PgConnection,
    projector: &dyn Projector,
    event: &RecordedEvent,
    error: &ProjectionError,
) -> Result<(), sqlx::Error> {
    tracing::error!(
        tenant = %event.tenant, projector = projector.name(), stream = %event.stream,
        position = event.position.0, %error, "a stream is parked"
    );
    sqlx::query(include_str!("parked_insert.sql"))
        .bind(event.tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .bind(event.stream.aggregate_type.as_ref())
        .bind(event.stream.aggregate_id.as_ref())
        .bind(event.position.0.cast_signed())
        .bind(event.revision.0.cast_signed())
        .bind(event.event_id)
        .bind(&event.event_type)
        .bind(error.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

async fn still_parked(
    tx: &mut PgConnection,
    projector: &dyn Projector,
    event: &RecordedEvent,
    error: &ProjectionError,
    caught_up: usize,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("parked_again.sql"))
        .bind(event.tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .bind(event.stream.aggregate_type.as_ref())
        .bind(event.stream.aggregate_id.as_ref())
        .bind(event.position.0.cast_signed())
        .bind(event.revision.0.cast_signed())
        .bind(event.event_id)
        .bind(&event.event_type)
        .bind(error.to_string())
        .bind(i64::try_from(caught_up).unwrap_or(i64::MAX))
        .execute(tx)
        .await?;
    Ok(())
}
