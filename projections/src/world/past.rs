//! Worlds of another moment, as far as a question needs them: from the read models as they stand, with
//! what has changed since that moment folded from the log. What it costs is what was asked, not how long
//! the history is.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use chrono::{DateTime, Days, NaiveDate, Utc};
use daybook_domain::{
    aggregate::Evolve as _,
    calendar_day::{CalendarDay, CalendarDayId},
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::{ServiceId, TenantId},
    ports::EventLog,
};
use sqlx::PgPool;

use super::{
    View, World, WorldError, WorldStore, seed,
    state::{Beginning, CATALOG_TYPES, LEAD_DAYS, TYPES},
};
use crate::aside::Until;

/// Claims of so many days after the last date may still matter to an appointment that begins on it.
const TAIL_DAYS: u64 = 8;
/// Events of a scan, in batches.
const STRIDE: u64 = 10;

/// What is asked about another moment.
#[derive(Clone, Debug)]
pub struct Question {
    /// The services; the calendars of whoever may do them are looked at.
    pub services: Vec<ServiceId>,
    /// When starts are asked for.
    pub dates: Dates,
}

/// When starts are asked for.
#[derive(Clone, Debug)]
pub enum Dates {
    /// On these local dates, of whatever zone.
    These(Range<NaiveDate>),
    /// On so many days from an instant on, or from the moment that is asked about, whichever is later.
    Next {
        /// The instant.
        from: Option<DateTime<Utc>>,
        /// How many.
        days: u64,
    },
}

impl Dates {
    fn at(&self, then: DateTime<Utc>) -> Range<NaiveDate> {
        match self {
            Self::These(dates) => dates.clone(),
            Self::Next { from, days } => {
                let from = from.map_or(then, |from| from.max(then)).date_naive();
                from - Days::new(1)..from + Days::new(days + 2)
            }
        }
    }
}

impl<L: EventLog> WorldStore<L> {
    /// The world of a tenant as it was, as far as a question needs it, and the time that it was then:
    /// the instant that was asked for, or when the event at that position was decided. It is made for
    /// this question and not kept.
    pub async fn as_of(
        &self,
        tenant: TenantId,
        until: Until,
        now: DateTime<Utc>,
        question: Question,
    ) -> Result<(Arc<World>, DateTime<Utc>), WorldError> {
        let (position, then) = self.moment(tenant, until, now).await?;
        let dates = question.dates.at(then);
        let asked = (question.services.as_slice(), &dates);
        let recalled = match self.read_models() {
            Some(pool) => self.recalled(pool, tenant, position, asked).await?,
            None => None,
        };
        let view = if let Some(view) = recalled {
            view
        } else {
            let skipped = seed::skipped(self.log(), tenant).await?;
            let nothing = Beginning { skipped, ..Beginning::default() };
            let mut view = View::over(nothing, dates);
            self.follow(tenant, &mut view, (Position(0), position), &TYPES).await?;
            view
        };
        Ok((Arc::new(World::of(view)), then))
    }

    /// The position of a moment, and the time that it was then.
    async fn moment(
        &self,
        tenant: TenantId,
        until: Until,
        now: DateTime<Utc>,
    ) -> Result<(Position, DateTime<Utc>), WorldError> {
        let head = self.log().head(tenant).await?.map_or(Position(0), |head| head.position);
        match until {
            Until::Head => Ok((head, now)),
            Until::Position(Position(0)) => Ok((Position(0), now)),
            Until::Instant(instant) => {
                // The clock of the log never goes back.
                let (mut included, mut left_out) = (0, head.0 + 1);
                while included + 1 < left_out {
                    let middle = included.midpoint(left_out);
                    let found = self.log().read_tenant(tenant, Position(middle - 1), 1).await?;
                    if found.first().is_some_and(|event| until.includes(event)) {
                        included = middle;
                    } else {
                        left_out = middle;
                    }
                }
                Ok((Position(included), instant))
            }
            Until::Position(position) => {
                let before = Position(position.0 - 1);
                let found = self.log().read_tenant(tenant, before, 1).await?;
                let event = found.first().ok_or(WorldError::NotReached { reached: head })?;
                // What an event says of itself may be unreadable; when it was taken is not.
                let decided = event.metadata().map_or(event.recorded_at, |it| it.at);
                Ok((position, decided))
            }
        }
    }

    /// A view from the read models, taken back to a position; `None` when there are none.
    async fn recalled(
        &self,
        pool: &PgPool,
        tenant: TenantId,
        position: Position,
        (services, dates): (&[ServiceId], &Range<NaiveDate>),
    ) -> Result<Option<View>, WorldError> {
        let Some(mut stored) = seed::load_catalog(pool, tenant).await? else { return Ok(None) };
        let (mut parked_days, mut changed): (Vec<StreamId>, Vec<StreamId>) =
            std::mem::take(&mut stored.parked)
                .into_iter()
                .partition(|stream| stream.aggregate_type == CalendarDay::TYPE);
        if !(parked_days.is_empty() && changed.is_empty()) {
            stored.beginning.skipped = seed::skipped(self.log(), tenant).await?;
        }
        let records = stored.records.iter().filter(|record| position.0 < record.position);
        changed.extend(records.map(|record| StreamId::new(record.kind, record.id.to_string())));
        seed::take_out(&mut stored.beginning, &changed);
        let catalog_at = stored.beginning.catalog_at.min(position);
        stored.beginning.catalog_at = catalog_at;
        let mut view = View::over(stored.beginning, dates.clone());
        view.refold(&self.streams(tenant, changed).await?);
        self.follow(tenant, &mut view, (catalog_at, position), &CATALOG_TYPES).await?;
        // Who may do it is known as of then; now their days.
        let calendars = view.calendars_of(services);
        let wide = dates.start - Days::new(LEAD_DAYS)..dates.end + Days::new(TAIL_DAYS);
        let found = seed::load_days(pool, tenant, &calendars, (wide, position)).await?;
        let Some(found) = found else { return Ok(None) };
        let claims_at = found.claims_at.min(position);
        parked_days.extend(found.changed.iter().map(CalendarDay::stream));
        let parked = parked_days.iter().filter_map(|stream| stream.aggregate_id.parse().ok());
        let parked: BTreeSet<CalendarDayId> = parked.collect();
        let days = found.days.into_iter().filter(|(day, _)| !parked.contains(day)).collect();
        view.put_days(days, claims_at);
        parked_days.sort_unstable();
        parked_days.dedup();
        view.refold(&self.streams(tenant, parked_days).await?);
        self.follow(tenant, &mut view, (claims_at, position), &[CalendarDay::TYPE]).await?;
        Ok(Some(view))
    }

    /// All events of some streams.
    async fn streams(
        &self,
        tenant: TenantId,
        streams: Vec<StreamId>,
    ) -> Result<Vec<RecordedEvent>, WorldError> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<_> = streams.into_iter().map(|stream| (stream, Revision(0))).collect();
        let tails = self.log().read_streams(tenant, &asked).await?;
        Ok(tails.into_iter().flat_map(|tail| tail.events).collect())
    }

    /// Folds what stands between two positions into a view.
    pub(super) async fn follow(
        &self,
        tenant: TenantId,
        view: &mut View,
        (mut from, to): (Position, Position),
        types: &[&'static str],
    ) -> Result<(), WorldError> {
        let stride = self.config().batch as u64 * STRIDE;
        while from < to {
            let end = Position(from.0 + stride).min(to);
            view.advance(&self.log().scan(tenant, (from, end), types).await?, end);
            from = end;
        }
        view.advance(&[], to);
        Ok(())
    }
}
