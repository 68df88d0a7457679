//! Calendar-day events to rows of `read.claims` and `read.calendar_days`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use daybook_domain::{
    aggregate::Evolve,
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayEvent, CalendarDayId},
    ids::{ClaimId, TenantId},
};
use futures::future::BoxFuture;
use sqlx::{Executor as _, PgConnection};

use crate::{
    event::{Event, Fact},
    projector::{ProjectionError, Projector},
    rows,
};

use super::row::{ClaimRow, claim_of};

/// Keeps `read.claims` and `read.calendar_days`.
#[derive(Clone, Copy, Debug)]
pub struct AvailabilityGrid;

/// The key of a claim. The fields are columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ClaimKey {
    calendar: CalendarId,
    date: NaiveDate,
    claim_id: ClaimId,
}

/// The key of a day. The fields are columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DayKey {
    calendar: CalendarId,
    date: NaiveDate,
}

rows::stored!(ClaimKey { calendar, date, claim_id });
rows::stored!(DayKey { calendar, date });

type Changes<'a> = BTreeMap<ClaimKey, Vec<(CalendarDayId, &'a CalendarDayEvent, &'a Event)>>;

impl Projector for AvailabilityGrid {
    fn name(&self) -> &'static str {
        "availability_grid"
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &[CalendarDay::TYPE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.claims", "read.calendar_days"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let changes = by_claim(events)?;
            let keys: Vec<ClaimKey> = changes.keys().copied().collect();
            let known: Vec<ClaimRow> =
                rows::load(tx, include_str!("load.sql"), tenant, &keys).await?;
            let mut known: BTreeMap<ClaimKey, ClaimRow> =
                known.into_iter().map(|row| (key_of(&row), row)).collect();
            let (mut changed, mut days) = (Vec::with_capacity(changes.len()), BTreeSet::new());
            for (key, changes) in changes {
                let mut row = known.remove(&key);
                for (day, fact, event) in changes {
                    row = ClaimRow::fold(row, day, fact, &event.recorded);
                }
                let row = row
                    .ok_or(ProjectionError::Contradiction("a claim changed before it was made"))?;
                days.insert(day_of(&row));
                changed.push(row);
            }
            rows::store(tx, include_str!("store.sql"), tenant, &changed).await?;
            // The wall stands at the end of the batch, not of the transaction: the batch is at fault.
            tx.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED").await?;
            let days: Vec<DayKey> = days.into_iter().collect();
            rows::store(tx, include_str!("sum_days.sql"), tenant, &days).await
        })
    }
}

fn by_claim<'a>(events: &'a [&'a Event]) -> Result<Changes<'a>, ProjectionError> {
    let mut changes = Changes::new();
    for event in events {
        if let Fact::CalendarDay(fact) = event.fact()? {
            let day = event.recorded.stream.aggregate_id.parse::<CalendarDayId>();
            let day = day.map_err(|_not_a_day| {
                ProjectionError::Contradiction("the stream of a calendar day names none")
            })?;
            let CalendarDayId { calendar, date } = day;
            let key = ClaimKey { calendar, date, claim_id: claim_of(fact) };
            changes.entry(key).or_default().push((day, fact, event));
        }
    }
    Ok(changes)
}

fn key_of(row: &ClaimRow) -> ClaimKey {
    ClaimKey { calendar: row.calendar, date: row.date, claim_id: row.claim_id }
}

fn day_of(row: &ClaimRow) -> DayKey {
    DayKey { calendar: row.calendar, date: row.date }
}
