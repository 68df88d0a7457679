//! Every event to a row of `read.activity_log`.

use chrono::{DateTime, Utc};
use daybook_domain::ids::TenantId;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    event::Event,
    projector::{ProjectionError, Projector},
    rows,
};

/// Keeps `read.activity_log`.
#[derive(Clone, Copy, Debug)]
pub struct ActivityLog;

/// The fields are the columns.
struct Row<'a> {
    position: u64,
    event_id: Uuid,
    event_type: &'a str,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    revision: u64,
    actor: &'a str,
    source: Option<&'a str>,
    at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    correlation_id: &'a str,
    causation_id: Option<&'a str>,
}

rows::stored!(Row<'_> {
    position, event_id, event_type, aggregate_type, aggregate_id, revision, actor, source, at,
    recorded_at, correlation_id, causation_id,
});

impl Projector for ActivityLog {
    fn name(&self) -> &'static str {
        "activity_log"
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &[]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.activity_log"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let rows = events.iter().map(|event| row(event)).collect::<Result<Vec<_>, _>>()?;
            rows::store(tx, include_str!("store.sql"), tenant, &rows).await
        })
    }
}

fn row(event: &Event) -> Result<Row<'_>, ProjectionError> {
    let recorded = &event.recorded;
    let metadata = event.metadata()?;
    Ok(Row {
        position: recorded.position.0,
        event_id: recorded.event_id,
        event_type: &recorded.event_type,
        aggregate_type: &recorded.stream.aggregate_type,
        aggregate_id: &recorded.stream.aggregate_id,
        revision: recorded.revision.0,
        actor: &metadata.actor,
        source: metadata.source.as_deref(),
        at: metadata.at,
        recorded_at: recorded.recorded_at,
        correlation_id: &metadata.correlation_id,
        causation_id: metadata.causation_id.as_deref(),
    })
}
