//! Starts a series, skips and moves occurrences, calls the rest off (APT-03, APT-12, POL-08).

use chrono::{DateTime, Utc};

use crate::{
    aggregate::Evolve as _,
    appointment::{PlacedClaim, SeriesPlace},
    availability::{Item, Request, StaffWish},
    calendar_day::CalendarDay,
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{AppointmentId, BranchId, SeriesId},
    ports::EventLog,
    series::{
        Occurrence, OccurrenceStatus, Series, SeriesCommand, SeriesError, Started, rule::SeriesRule,
    },
};

use super::{
    super::{
        BookingError, ChangeAnswer, SeriesAnswer, accept,
        scene::{FAR_OFF, Scene},
    },
    book::{Draft, Particulars, answer, claim, record},
    change::{Cancel, Reschedule},
    status::load,
};

/// Books every occurrence of a rule, all of them in one append.
#[derive(Clone, Debug)]
pub struct StartSeries {
    /// Where.
    pub branch_id: BranchId,
    /// What, in order.
    pub items: Vec<Item>,
    /// By whom.
    pub staff: StaffWish,
    /// When.
    pub rule: SeriesRule,
    /// Whether an occurrence whose place is taken is left out instead of refusing the series.
    pub skip_conflicts: bool,
    /// Everything else.
    pub particulars: Particulars,
}

/// Skips one occurrence: its appointment is cancelled under its terms.
#[derive(Clone, Debug)]
pub struct SkipOccurrence {
    /// Which series.
    pub series_id: SeriesId,
    /// Which occurrence, from 1.
    pub number: u16,
    /// Why.
    pub reason: Option<String>,
}

/// Moves one occurrence.
#[derive(Clone, Debug)]
pub struct MoveOccurrence {
    /// Which series.
    pub series_id: SeriesId,
    /// Which occurrence, from 1.
    pub number: u16,
    /// Where to.
    pub new_starts_at: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
}

/// Calls off what is still to come.
#[derive(Clone, Debug)]
pub struct CancelSeries {
    /// Which series.
    pub series_id: SeriesId,
    /// Why.
    pub reason: Option<String>,
}

impl StartSeries {
    /// The starts of the rule, if the series can be placed at all.
    fn starts(
        &self,
        max_length: u16,
        now: DateTime<Utc>,
    ) -> Result<Vec<DateTime<Utc>>, BookingError> {
        // One more than the most tells a rule that is too long, before anything is placed.
        let starts = self.rule.starts(max_length.saturating_add(1)).map_err(|error| {
            BookingError::Invalid { field: "rrule", problem: error.to_string() }
        })?;
        if usize::from(max_length) < starts.len() {
            return Err(SeriesError::TooLong { max_length }.into());
        }
        if starts.first().is_some_and(|first| *first <= now) {
            return Err(BookingError::InThePast { field: "starts_at" });
        }
        if starts.last().is_some_and(|last| FAR_OFF < *last) {
            return Err(BookingError::far_off("rrule"));
        }
        Ok(starts)
    }
}

impl UnitCommand for StartSeries {
    type Answer = SeriesAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<SeriesAnswer, BookingError>, UnitError> {
        let now = unit.context().at;
        let items = &self.items;
        let mut scene = accept!(Scene::load(unit, self.branch_id, items, self.staff).await?);
        let policy = scene.company.policies().recurring.clone();
        let starts = accept!(self.starts(policy.max_length, now));
        let request = Request::basket(items.iter().cloned(), now).by(self.staff);
        let mut days: Vec<_> =
            starts.iter().flat_map(|start| scene.days_around(&request, *start)).collect();
        let busy_days = starts.iter().flat_map(|start| scene.busy_days(&request, *start));
        let mut looked_at: Vec<_> = busy_days.collect();
        days.sort_unstable();
        days.dedup();
        let streams: Vec<_> = days.iter().map(CalendarDay::stream).collect();
        unit.queue_for(&streams).await;
        looked_at.extend_from_slice(&days);
        looked_at.sort_unstable();
        looked_at.dedup();
        scene.look_at(unit, &looked_at).await?;
        let customer_id = accept!(self.particulars.guest.arrive(unit).await?);
        let series_id = SeriesId::new(unit.context().next_id());
        let mut occurrences = Vec::with_capacity(starts.len());
        for (number, starts_at) in (1_u16..).zip(starts) {
            let placement = match scene.place(unit, &request, starts_at).await? {
                Ok(placement) => placement,
                Err(BookingError::Unavailable { .. }) if self.skip_conflicts => {
                    occurrences.push(Occurrence { number, starts_at, appointment_id: None });
                    continue;
                }
                Err(refusal) => return Ok(Err(numbered(refusal, number))),
            };
            let plan = accept!(scene.plan(unit, &placement, &[]));
            let own_days: Vec<_> = plan.claims.iter().flat_map(PlacedClaim::days).collect();
            let id = AppointmentId::new(unit.context().next_id());
            let draft = Draft {
                plan,
                items: self.items.clone(),
                hold_id: None,
                series: Some(SeriesPlace { series_id, number }),
            };
            // The client's reference is that of the series, not of each occurrence.
            let particulars = Particulars { external_ref: None, ..self.particulars.clone() };
            let booking = accept!(draft.booking(&scene, customer_id, &particulars));
            accept!(claim(unit, &scene, id, &booking).await?);
            accept!(record(unit, &scene, id, (booking, None)).await?);
            // The next occurrence sees the claims of this one.
            scene.look_at(unit, &own_days).await?;
            occurrences.push(Occurrence { number, starts_at, appointment_id: Some(id) });
        }
        let started = Started {
            company_id: scene.profile.company_id,
            branch_id: self.branch_id,
            customer_id,
            service_ids: self.items.iter().map(|item| item.service_id).collect(),
            durations: Item::durations(&self.items),
            staff_id: self.staff.named(),
            rule: self.rule.clone(),
            policy,
            occurrences: occurrences.clone(),
        };
        unit.begin::<Series>(series_id);
        let start = SeriesCommand::Start(Box::new(started));
        accept!(unit.decide::<Series>(series_id, start).await?);
        Ok(Ok(SeriesAnswer { series_id, occurrences }))
    }
}

fn numbered(refusal: BookingError, number: u16) -> BookingError {
    match refusal {
        BookingError::Unavailable { requested_time, reasons, next_free, .. } => {
            let occurrence = Some(number);
            BookingError::Unavailable { requested_time, reasons, next_free, occurrence }
        }
        other => other,
    }
}

/// The appointment of an occurrence.
async fn appointment_of<L: EventLog>(
    unit: &mut Unit<'_, L>,
    series_id: SeriesId,
    number: u16,
) -> Result<Result<AppointmentId, BookingError>, UnitError> {
    let series = unit.load::<Series>(series_id).await?;
    if !series.is_started() {
        return Ok(Err(SeriesError::NotFound.into()));
    }
    let appointment = series.occurrence(number).and_then(|it| it.appointment_id);
    Ok(appointment.ok_or(SeriesError::NotPlanned { number }.into()))
}

impl UnitCommand for SkipOccurrence {
    type Answer = ChangeAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<ChangeAnswer, BookingError>, UnitError> {
        let id = accept!(appointment_of(unit, self.series_id, self.number).await?);
        let skip = SeriesCommand::Skip { number: self.number };
        accept!(unit.decide::<Series>(self.series_id, skip).await?);
        let booking = accept!(load(unit, id, None).await?);
        let cancel = Cancel {
            appointment_id: id,
            reason: self.reason.clone(),
            notify_customer: false,
            expected: None,
        };
        let outcome = accept!(cancel.cancel(unit, &booking).await?);
        let old_time = booking.plan.starts_at;
        let booking = accept!(answer(unit, id).await?);
        Ok(Ok(ChangeAnswer { booking, old_time, outcome }))
    }
}

impl UnitCommand for MoveOccurrence {
    type Answer = ChangeAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<ChangeAnswer, BookingError>, UnitError> {
        let id = accept!(appointment_of(unit, self.series_id, self.number).await?);
        let starts_at = self.new_starts_at;
        let step = SeriesCommand::Move { number: self.number, starts_at };
        accept!(unit.decide::<Series>(self.series_id, step).await?);
        let booking = accept!(load(unit, id, None).await?);
        let reschedule = Reschedule {
            appointment_id: id,
            new_starts_at: starts_at,
            staff_id: None,
            reason: self.reason.clone(),
            expected: None,
        };
        let outcome = accept!(reschedule.reschedule(unit, &booking).await?);
        let old_time = booking.plan.starts_at;
        let booking = accept!(answer(unit, id).await?);
        Ok(Ok(ChangeAnswer { booking, old_time, outcome }))
    }
}

impl UnitCommand for CancelSeries {
    type Answer = SeriesAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<SeriesAnswer, BookingError>, UnitError> {
        let (series_id, now) = (self.series_id, unit.context().at);
        let cancel = SeriesCommand::Cancel { after: now };
        accept!(unit.decide::<Series>(series_id, cancel).await?);
        let series = unit.load::<Series>(series_id).await?;
        let occurrences: Vec<_> = series.occurrences().collect();
        let planned = |it: &&Occurrence| {
            series.status(it.number) == Some(OccurrenceStatus::Planned) && now < it.starts_at
        };
        let open: Vec<_> =
            occurrences.iter().filter(planned).filter_map(|it| it.appointment_id).collect();
        drop(series);
        for id in open {
            let booking = accept!(load(unit, id, None).await?);
            let cancel = Cancel {
                appointment_id: id,
                reason: self.reason.clone(),
                notify_customer: false,
                expected: None,
            };
            accept!(cancel.cancel(unit, &booking).await?);
        }
        Ok(Ok(SeriesAnswer { series_id, occurrences }))
    }
}
