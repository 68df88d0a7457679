//! What a view begins with: the read models of the catalog and of the claims, each as far as its
//! checkpoint says. What happened since is read from the log.
//!
//! A stream that a projector has parked stands still in its read model, so it is folded from the log.
//! Read models of another version than this program knows are of no use: then all is folded.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use chrono::{DateTime, NaiveDate, Utc};
use daybook_domain::{
    aggregate::Evolve as _,
    availability::{Busy, BusyKind},
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayId},
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::{AppointmentId, ClaimId, HoldId, ServiceId, TenantId},
    ports::EventLog,
    slot::Slot,
};
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, PgPool, prelude::FromRow};
use uuid::Uuid;

use super::{
    WorldError,
    state::{Beginning, Claims},
};
use crate::{
    aside::Skips,
    availability_grid::AvailabilityGrid,
    directory::Directory,
    projector::{ProjectionError, Projector},
    tx::{at_one_instant, transaction},
};

/// The read models of a tenant at one instant.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) beginning: Beginning,
    /// Where each record stands.
    pub(super) records: Vec<Record>,
    /// Streams that have to be folded from the log instead.
    pub(super) parked: Vec<StreamId>,
}

/// Where a record of the catalog stands in its read model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) kind: &'static str,
    pub(super) id: Uuid,
    pub(super) position: u64,
}

#[derive(FromRow)]
struct CatalogRow {
    kind: String,
    id: Uuid,
    position: i64,
    state: String,
}

#[derive(FromRow)]
struct ClaimRow {
    calendar: String,
    date: NaiveDate,
    claim_id: Uuid,
    slot_from: DateTime<Utc>,
    slot_to: DateTime<Utc>,
    units: i32,
    kind: String,
    expires_at: Option<DateTime<Utc>>,
    appointment_id: Option<Uuid>,
    hold_id: Option<Uuid>,
    service_id: Option<Uuid>,
}

/// The kinds of the catalog, which are the aggregate types too.
const KINDS: [&str; 5] = super::state::CATALOG_TYPES;

/// The catalog and the claims from a date on; `None` when there are no read models of this version.
pub(super) async fn load(
    pool: &PgPool,
    tenant: TenantId,
    from: NaiveDate,
) -> Result<Option<Stored>, WorldError> {
    let loaded: Result<_, sqlx::Error> = transaction(pool, move |tx| {
        Box::pin(async move {
            at_one_instant(tx, tenant).await?;
            let Some(mut stored) = catalog(tx, tenant).await? else { return Ok(None) };
            let claims: Vec<ClaimRow> = sqlx::query_as(include_str!("seed_claims.sql"))
                .bind(tenant.uuid())
                .bind(from)
                .fetch_all(tx)
                .await?;
            put_claims(&mut stored.beginning.days, claims);
            Ok(Some(stored))
        })
    })
    .await;
    Ok(loaded?)
}

/// The catalog alone; `None` when there are no read models of this version.
pub(super) async fn load_catalog(
    pool: &PgPool,
    tenant: TenantId,
) -> Result<Option<Stored>, WorldError> {
    let loaded: Result<_, sqlx::Error> = transaction(pool, move |tx| {
        Box::pin(async move {
            at_one_instant(tx, tenant).await?;
            catalog(tx, tenant).await
        })
    })
    .await;
    Ok(loaded?)
}

/// The claims of some calendars on some dates.
#[derive(Debug)]
pub(super) struct StoredDays {
    /// How far their read model has come.
    pub(super) claims_at: Position,
    /// Days that nothing has changed after the position that was asked for.
    pub(super) days: BTreeMap<CalendarDayId, Claims>,
    /// Days that something has changed.
    pub(super) changed: Vec<CalendarDayId>,
}

/// The claims of some calendars on some dates as of a position; `None` when there is no read model of
/// this version.
pub(super) async fn load_days(
    pool: &PgPool,
    tenant: TenantId,
    calendars: &[CalendarId],
    (dates, until): (Range<NaiveDate>, Position),
) -> Result<Option<StoredDays>, WorldError> {
    let names: Vec<String> = calendars.iter().map(CalendarId::to_string).collect();
    let loaded: Result<_, sqlx::Error> = transaction(pool, move |tx| {
        Box::pin(async move {
            at_one_instant(tx, tenant).await?;
            let Some((claims_at, _)) = checkpoint(tx, tenant, &AvailabilityGrid).await? else {
                return Ok(None);
            };
            let changed: Vec<(String, NaiveDate)> =
                sqlx::query_as(include_str!("seed_changed_days.sql"))
                    .bind(tenant.uuid())
                    .bind(&names)
                    .bind(dates.start)
                    .bind(dates.end)
                    .bind(until.0.cast_signed())
                    .fetch_all(&mut *tx)
                    .await?;
            let claims: Vec<ClaimRow> = sqlx::query_as(include_str!("seed_claims_between.sql"))
                .bind(tenant.uuid())
                .bind(&names)
                .bind(dates.start)
                .bind(dates.end)
                .bind(until.0.cast_signed())
                .fetch_all(tx)
                .await?;
            let mut days = BTreeMap::new();
            put_claims(&mut days, claims);
            let changed = changed.into_iter().filter_map(|(calendar, date)| {
                Some(CalendarDayId { calendar: calendar.parse().ok()?, date })
            });
            Ok(Some(StoredDays { claims_at, days, changed: changed.collect() }))
        })
    })
    .await;
    Ok(loaded?)
}

/// How far a read model has come, and how many streams it could not follow; `None` when it is of
/// another version, or not there.
async fn checkpoint(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
) -> Result<Option<(Position, i32)>, sqlx::Error> {
    let found: Option<(i64, i32)> = sqlx::query_as(include_str!("seed_checkpoint.sql"))
        .bind(tenant.uuid())
        .bind(projector.name())
        .bind(projector.version())
        .fetch_optional(tx)
        .await?;
    Ok(found.map(|(position, parked)| (Position(position.cast_unsigned()), parked)))
}

async fn catalog(tx: &mut PgConnection, tenant: TenantId) -> Result<Option<Stored>, sqlx::Error> {
    let (claims, catalog) = (AvailabilityGrid, Directory);
    let Some((claims_at, claims_parked)) = checkpoint(tx, tenant, &claims).await? else {
        return Ok(None);
    };
    let Some((catalog_at, catalog_parked)) = checkpoint(tx, tenant, &catalog).await? else {
        return Ok(None);
    };
    let mut stored = Stored::default();
    (stored.beginning.claims_at, stored.beginning.catalog_at) = (claims_at, catalog_at);
    if 0 < claims_parked + catalog_parked {
        let parked: Vec<(String, String)> = sqlx::query_as(include_str!("seed_parked.sql"))
            .bind(tenant.uuid())
            .bind([claims.name(), catalog.name()])
            .bind([claims.version(), catalog.version()])
            .fetch_all(&mut *tx)
            .await?;
        let parked = parked.into_iter().map(|(kind, id)| StreamId::new(kind, id));
        stored.parked = parked.collect();
    }
    let rows: Vec<CatalogRow> =
        sqlx::query_as(include_str!("seed_catalog.sql")).bind(tenant.uuid()).fetch_all(tx).await?;
    for row in rows {
        put_record(&mut stored, &row)?;
    }
    Ok(Some(stored))
}

fn put_record(stored: &mut Stored, row: &CatalogRow) -> Result<(), sqlx::Error> {
    let Some(kind) = KINDS.into_iter().find(|kind| *kind == row.kind) else { return Ok(()) };
    stored.records.push(Record { kind, id: row.id, position: row.position.cast_unsigned() });
    let (id, state, to) = (row.id, row.state.as_str(), &mut stored.beginning);
    match row.kind.as_str() {
        "company" => drop(to.companies.insert(id.into(), read(state)?)),
        "branch" => drop(to.branches.insert(id.into(), read(state)?)),
        "staff" => drop(to.staff.insert(id.into(), read(state)?)),
        "service" => drop(to.services.insert(id.into(), read(state)?)),
        "resource" => drop(to.resources.insert(id.into(), read(state)?)),
        _ => {}
    }
    Ok(())
}

fn read<T: DeserializeOwned>(state: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(state).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn put_claims(days: &mut BTreeMap<CalendarDayId, Claims>, rows: Vec<ClaimRow>) {
    let mut calendar: Option<(String, CalendarId)> = None;
    for row in rows {
        // They come in the order of their calendars.
        let known = calendar.as_ref().filter(|(name, _)| *name == row.calendar);
        let id = match known {
            Some((_, id)) => *id,
            None => match row.calendar.parse() {
                Ok(id) => {
                    calendar = Some((row.calendar.clone(), id));
                    id
                }
                Err(_not_a_calendar) => continue,
            },
        };
        let day = CalendarDayId { calendar: id, date: row.date };
        days.entry(day).or_default().insert(ClaimId::new(row.claim_id), busy(&row));
    }
}

fn busy(row: &ClaimRow) -> Busy {
    let kind = match row.kind.as_str() {
        "hold" => BusyKind::Hold,
        "pending" => BusyKind::Pending,
        "booked" => BusyKind::Booked,
        "block" => BusyKind::Block,
        _ => BusyKind::External,
    };
    Busy {
        slot: Slot { from: row.slot_from, to: row.slot_to },
        units: u16::try_from(row.units).unwrap_or(u16::MAX),
        kind,
        expires_at: row.expires_at,
        appointment_id: row.appointment_id.map(AppointmentId::new),
        hold_id: row.hold_id.map(HoldId::new),
        service_id: row.service_id.map(ServiceId::new),
    }
}

/// The events of streams that their read models do not tell, up to where the read models stand, and the
/// positions that are passed over because somebody said so. The states of those streams are taken out.
pub(super) async fn take_parked<L: EventLog>(
    log: &L,
    tenant: TenantId,
    stored: &mut Stored,
) -> Result<Vec<RecordedEvent>, WorldError> {
    if stored.parked.is_empty() {
        return Ok(Vec::new());
    }
    stored.beginning.skipped = skipped(log, tenant).await?;
    let parked = std::mem::take(&mut stored.parked);
    take_out(&mut stored.beginning, &parked);
    let asked: Vec<_> = parked.into_iter().map(|stream| (stream, Revision(0))).collect();
    let tails = log.read_streams(tenant, &asked).await?;
    Ok(tails.into_iter().flat_map(|tail| tail.events).collect())
}

/// The positions that are passed over because somebody said so.
pub(super) async fn skipped<L: EventLog>(
    log: &L,
    tenant: TenantId,
) -> Result<BTreeSet<u64>, WorldError> {
    let skips = Skips::load(log, tenant).await?;
    Ok(skips.of(&AvailabilityGrid).into_iter().chain(skips.of(&Directory)).collect())
}

/// Takes the states of streams out.
pub(super) fn take_out(beginning: &mut Beginning, streams: &[StreamId]) {
    for stream in streams {
        let id = &stream.aggregate_id;
        if stream.aggregate_type == CalendarDay::TYPE {
            if let Ok(day) = id.parse() {
                beginning.days.remove(&day);
            }
        } else if let Ok(id) = id.parse::<Uuid>() {
            match stream.aggregate_type.as_ref() {
                "company" => drop(beginning.companies.remove(&id.into())),
                "branch" => drop(beginning.branches.remove(&id.into())),
                "staff" => drop(beginning.staff.remove(&id.into())),
                "service" => drop(beginning.services.remove(&id.into())),
                "resource" => drop(beginning.resources.remove(&id.into())),
                _ => {}
            }
        }
    }
}

impl From<sqlx::Error> for WorldError {
    fn from(error: sqlx::Error) -> Self {
        Self::ReadModels(ProjectionError::from(error))
    }
}
