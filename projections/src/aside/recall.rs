//! The appointments as they were at a moment, from the rows as they stand: those that nothing has changed
//! since are what they were, and the others are folded from their own streams. What it costs is what was
//! open at that moment, not how long the history is.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::Evolve as _,
    appointment::Appointment,
    event_log::{Position, Revision, StreamId},
    ids::TenantId,
    ports::EventLog,
};
use sqlx::{Executor as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    appointments::{self, AppointmentFilter, AppointmentRow, Appointments, Cursor},
    event::Event,
    projector::Projector,
    tx::{at_one_instant, transaction},
};

use super::{
    AsideError, Skips, Until,
    fold::{by_key, end_of, fold, fold_into_temporary, make_temporary},
};

/// Streams that are read at once.
const STREAMS: usize = 500;
/// Events that are looked through at once.
const STRIDE: u64 = 20_000;

/// A page of appointments as they were, and the position that it rests on.
pub async fn appointments_as_of<L: EventLog>(
    pool: &PgPool,
    log: &Arc<L>,
    tenant: TenantId,
    until: Until,
    (filter, after, limit): (AppointmentFilter, Option<Cursor>, u32),
) -> Result<(Position, Vec<AppointmentRow>), AsideError> {
    let log = Arc::clone(log);
    transaction(pool, move |tx| {
        Box::pin(async move {
            at_one_instant(tx, tenant).await?;
            let position = end_of(log.as_ref(), tenant, until).await?;
            let is_recalled = recall(tx, &log, tenant, position).await?;
            if !is_recalled {
                let projectors: [Arc<dyn Projector>; 1] = [Arc::new(Appointments)];
                let until = Until::Position(position);
                fold_into_temporary(tx, &log, tenant, &projectors, until).await?;
            }
            let rows = appointments::list(tx, tenant, &filter, after, limit).await?;
            if is_recalled {
                tx.execute("DROP VIEW pg_temp.appointments").await?;
            }
            Ok((position, rows))
        })
    })
    .await
}

/// Puts a view of the appointments as of a position before the live ones, for the rest of the
/// transaction; false when there are no rows of this version.
async fn recall<L: EventLog>(
    tx: &mut PgConnection,
    log: &Arc<L>,
    tenant: TenantId,
    position: Position,
) -> Result<bool, AsideError> {
    let projector: Arc<dyn Projector> = Arc::new(Appointments);
    let checkpoint: Option<i64> = sqlx::query_scalar(include_str!("recall_checkpoint.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(reached) = checkpoint.map(|it| Position(it.cast_unsigned())) else { return Ok(false) };
    let before = Position(position.0.saturating_sub(1));
    let last = log.read_tenant(tenant, before, 1).await?;
    let Some(taken_at) = last.first().map(|event| event.recorded_at) else { return Ok(false) };
    let changed = changed_since(tx, tenant, position, taken_at).await?;
    let ahead = appended_between(log.as_ref(), tenant, (reached, position)).await?;
    make_temporary(tx, "read.appointments").await?;
    tx.execute("SET LOCAL search_path = pg_temp, read").await?;
    by_key(tx, true).await?;
    let skips = Skips::load(log.as_ref(), tenant).await?;
    let streams: BTreeSet<Uuid> = changed.iter().chain(&ahead).copied().collect();
    let streams: Vec<Uuid> = streams.into_iter().collect();
    for page in streams.chunks(STREAMS) {
        let asked = |id: &Uuid| (Appointment::stream(id), Revision(0));
        let asked: Vec<(StreamId, Revision)> = page.iter().map(asked).collect();
        let tails = log.read_streams(tenant, &asked).await?;
        let events = tails.into_iter().flat_map(|tail| tail.events);
        let events: Vec<Event> =
            events.filter(|event| event.position <= position).map(Event::new).collect();
        fold(tx, tenant, &[Arc::clone(&projector)], &skips, &events).await?;
    }
    by_key(tx, false).await?;
    // What is in the text are numbers and ids: a view takes no parameters.
    let ahead: Vec<String> = ahead.iter().map(Uuid::to_string).collect();
    let view = format!(
        "ALTER TABLE pg_temp.appointments RENAME TO appointments_then; \
         CREATE TEMPORARY VIEW appointments AS \
         SELECT * FROM read.appointments \
          WHERE tenant_id = '{tenant}' AND position <= {position} \
            AND appointment_id <> ALL ('{{{}}}'::uuid[]) \
          UNION ALL SELECT * FROM pg_temp.appointments_then",
        ahead.join(",")
    );
    tx.execute(view.as_str()).await?;
    Ok(true)
}

/// The appointments that something has changed after a position, of those that were booked by then.
async fn changed_since(
    tx: &mut PgConnection,
    tenant: TenantId,
    position: Position,
    taken_at: DateTime<Utc>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(include_str!("recall_changed.sql"))
        .bind(tenant.uuid())
        .bind(position.0.cast_signed())
        .bind(taken_at)
        .fetch_all(tx)
        .await
}

/// The appointments of which the rows do not tell yet what happened up to a position.
async fn appended_between<L: EventLog>(
    log: &L,
    tenant: TenantId,
    (mut from, to): (Position, Position),
) -> Result<Vec<Uuid>, AsideError> {
    let mut ids = BTreeSet::new();
    while from < to {
        let end = Position(from.0 + STRIDE).min(to);
        let events = log.scan(tenant, (from, end), &[Appointment::TYPE]).await?;
        ids.extend(events.iter().filter_map(|it| it.stream.aggregate_id.parse::<Uuid>().ok()));
        from = end;
    }
    Ok(ids.into_iter().collect())
}
