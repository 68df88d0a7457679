//! Skips and moves occurrences of a series and cancels what is left of it (APT-12, POL-08).
//!
//! An occurrence is judged by its appointment as it is now: whoever moved, cancelled, started or
//! rejected it by itself has changed the occurrence.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    aggregate::Evolve as _,
    appointment::{
        Appointment, AppointmentCommand, AppointmentError, AppointmentStatus, Booking, ChangeCause,
        PlacedClaim,
    },
    calendar_day::{CalendarDay, ReleaseReason},
    customer::{Customer, CustomerEvent},
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{AppointmentId, SeriesId},
    money::Money,
    phase::Phase,
    policy::PolicyOutcome,
    ports::EventLog,
    series::{OccurrenceStatus, Series, SeriesCommand, SeriesError},
};

use super::{
    super::{
        BookingError, ChangeAnswer, OccurrenceAnswer, OccurrenceStage, SeriesCancelAnswer, accept,
        answer::occurrences,
    },
    book::answer,
    change::{Cancel, MoveTo, Reschedule, check_cause},
    status::{let_go, load},
};

/// Skips one occurrence. A skip that the series allows is no cancellation: it costs nothing and
/// counts nowhere but among the skips of the series.
#[derive(Clone, Debug)]
pub struct SkipOccurrence {
    /// Which series.
    pub series_id: SeriesId,
    /// Which occurrence, from 1.
    pub number: u16,
    /// Who wants it and why.
    pub cause: ChangeCause,
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
    /// By whom.
    pub staff: MoveTo,
    /// Whether it is moved although the customer has another appointment at that time.
    pub allow_overlap: bool,
    /// Who wants it and why.
    pub cause: ChangeCause,
}

/// Cancels what is still to come, each occurrence under its own terms. What the terms do not allow
/// to be cancelled stays, and so does the series then.
#[derive(Clone, Debug)]
pub struct CancelSeries {
    /// Which series.
    pub series_id: SeriesId,
    /// Who wants it and why.
    pub cause: ChangeCause,
}

/// The appointment of an occurrence; a refusal if it never was booked.
async fn appointment_of<L: EventLog>(
    unit: &mut Unit<'_, L>,
    series_id: SeriesId,
    number: u16,
) -> Result<Result<AppointmentId, BookingError>, UnitError> {
    let series = unit.load::<Series>(series_id).await?;
    if !series.is_started() {
        return Ok(Err(SeriesError::NotFound.into()));
    }
    let Some(occurrence) = series.occurrence(number) else {
        return Ok(Err(SeriesError::NoSuchOccurrence { number }.into()));
    };
    Ok(occurrence.appointment_id.ok_or(SeriesError::NotPlanned { number }.into()))
}

/// Why an occurrence cannot be changed any more, if so.
fn unchangeable(status: Option<AppointmentStatus>, number: u16) -> Option<SeriesError> {
    match status {
        Some(AppointmentStatus::Pending | AppointmentStatus::Confirmed) => None,
        Some(AppointmentStatus::InProgress | AppointmentStatus::Completed) => {
            Some(SeriesError::HasBegun { number })
        }
        Some(
            AppointmentStatus::Cancelled | AppointmentStatus::NoShow | AppointmentStatus::Rejected,
        )
        | None => Some(SeriesError::NotPlanned { number }),
    }
}

impl UnitCommand for SkipOccurrence {
    type Answer = ChangeAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<ChangeAnswer, BookingError>, UnitError> {
        let (number, at) = (self.number, unit.context().at);
        let id = accept!(appointment_of(unit, self.series_id, number).await?);
        let booking = accept!(load(unit, id, None).await?);
        accept!(check_cause(unit, booking.company_id, &self.cause).await?);
        let series = unit.load::<Series>(self.series_id).await?;
        let is_new = series.status(number) != Some(OccurrenceStatus::Skipped);
        drop(series);
        accept!(unit.decide::<Series>(self.series_id, SeriesCommand::Skip { number }).await?);
        if is_new {
            let status = unit.load::<Appointment>(id).await?.status();
            let refused = unchangeable(status, number);
            let begun = (booking.plan.starts_at <= at).then_some(SeriesError::HasBegun { number });
            if let Some(refusal) = refused.or(begun) {
                return Ok(Err(refusal.into()));
            }
            accept!(self.skip(unit, id, &booking).await?);
        }
        let old_time = booking.plan.starts_at;
        let booking = accept!(answer(unit, id).await?);
        Ok(Ok(ChangeAnswer { booking, old_time, outcome: None }))
    }
}

impl SkipOccurrence {
    async fn skip<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        id: AppointmentId,
        booking: &Booking,
    ) -> Result<Result<(), BookingError>, UnitError> {
        let skip = AppointmentCommand::Skip { cause: self.cause.of(booking.customer_id) };
        accept!(unit.decide::<Appointment>(id, skip).await?);
        accept!(let_go(unit, booking, ReleaseReason::Cancelled).await?);
        let gone = CustomerEvent::VisitCancelled { appointment_id: id, counted_in: None };
        unit.record::<Customer>(booking.customer_id, vec![gone]).await?;
        Ok(Ok(()))
    }
}

impl UnitCommand for MoveOccurrence {
    type Answer = ChangeAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<ChangeAnswer, BookingError>, UnitError> {
        let (number, starts_at) = (self.number, self.new_starts_at);
        let id = accept!(appointment_of(unit, self.series_id, number).await?);
        let booking = accept!(load(unit, id, None).await?);
        accept!(check_cause(unit, booking.company_id, &self.cause).await?);
        let from = booking.plan.starts_at;
        let step = SeriesCommand::Move { number, from, starts_at };
        accept!(unit.decide::<Series>(self.series_id, step).await?);
        let status = unit.load::<Appointment>(id).await?.status();
        if let Some(refusal @ SeriesError::NotPlanned { .. }) = unchangeable(status, number) {
            return Ok(Err(refusal.into()));
        }
        let reschedule = Reschedule {
            appointment_id: id,
            new_starts_at: starts_at,
            staff: self.staff,
            allow_overlap: self.allow_overlap,
            cause: self.cause.clone(),
            expected: None,
        };
        let outcome = accept!(reschedule.reschedule_named(unit, &booking).await?);
        let booking = accept!(answer(unit, id).await?);
        Ok(Ok(ChangeAnswer { booking, old_time: from, outcome }))
    }
}

impl UnitCommand for CancelSeries {
    type Answer = SeriesCancelAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<SeriesCancelAnswer, BookingError>, UnitError> {
        let (series_id, now) = (self.series_id, unit.context().at);
        let series = unit.load::<Series>(series_id).await?;
        let Some(company_id) = series.started().map(|started| started.company_id) else {
            return Ok(Err(SeriesError::NotFound.into()));
        };
        drop(series);
        accept!(check_cause(unit, company_id, &self.cause).await?);
        let coming = |it: &OccurrenceAnswer| {
            let is_open = matches!(
                it.status,
                OccurrenceStage::Booked(AppointmentStatus::Pending | AppointmentStatus::Confirmed)
            );
            it.appointment_id.filter(|_| is_open && now < it.starts_at).map(|id| (it.number, id))
        };
        let before = occurrences_now(unit, series_id).await?;
        let open: Vec<(u16, AppointmentId)> = before.iter().filter_map(coming).collect();
        let outcomes = accept!(self.cancel(unit, &open).await?);
        let (mut cancelled, mut blocked) = (Vec::new(), Vec::new());
        let mut total_fee: Option<Money> = None;
        for (number, (outcome, is_blocked)) in &outcomes {
            if *is_blocked {
                blocked.push(*number);
                continue;
            }
            cancelled.push(*number);
            total_fee = total_fee.map_or(Some(outcome.fee), |sum| sum.checked_add(outcome.fee));
        }
        if cancelled.is_empty() && !blocked.is_empty() {
            let blocked = outcomes.into_iter().map(|(number, (outcome, _))| (number, outcome));
            let blocked = blocked.collect();
            return Ok(Err(SeriesError::CancellationBlocked { blocked }.into()));
        }
        if blocked.is_empty() {
            let cancel = SeriesCommand::Cancel { after: now };
            accept!(unit.decide::<Series>(series_id, cancel).await?);
        }
        let is_cancelled = unit.load::<Series>(series_id).await?.is_cancelled();
        let mut occurrences = occurrences_now(unit, series_id).await?;
        for occurrence in &mut occurrences {
            occurrence.policy = outcomes.get(&occurrence.number).map(|(it, _)| it.clone());
        }
        let answer = SeriesCancelAnswer {
            series_id,
            is_cancelled,
            cancelled,
            blocked,
            total_fee,
            occurrences,
        };
        Ok(Ok(answer))
    }
}

impl CancelSeries {
    /// Cancels appointments one after the other, so that each counts for the terms of the next.
    /// Answers what each came to and whether the terms do not allow it.
    async fn cancel<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        open: &[(u16, AppointmentId)],
    ) -> Result<Result<BTreeMap<u16, (PolicyOutcome, bool)>, BookingError>, UnitError> {
        let (mut bookings, mut days, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (number, id) in open {
            let booking = accept!(unit.load::<Appointment>(*id).await?.require()).clone();
            let claimed = booking.plan.claims.iter().flat_map(PlacedClaim::days);
            days.extend(claimed.map(CalendarDay::stream));
            others.extend(booking.plan.phases.iter().map(|phase| Phase::stream(phase.phase_id)));
            let customer = Customer::stream(booking.customer_id);
            unit.queue_also([customer.clone()]);
            others.push(customer);
            bookings.push((*number, *id, booking));
        }
        unit.queue_for(&days).await;
        days.append(&mut others);
        unit.prefetch(&days).await?;
        let mut outcomes = BTreeMap::new();
        for (number, id, booking) in bookings {
            let cancel = Cancel { appointment_id: id, cause: self.cause.clone(), expected: None };
            match cancel.cancel(unit, &booking).await? {
                Ok(Some(outcome)) => {
                    outcomes.insert(number, (outcome, false));
                }
                Ok(None) => (),
                Err(BookingError::Appointment(AppointmentError::PolicyBlocked { outcome })) => {
                    outcomes.insert(number, (*outcome, true));
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(outcomes))
    }
}

/// The occurrences of a series as their appointments are now, with the unit's own changes.
pub(super) async fn occurrences_now<L: EventLog>(
    unit: &mut Unit<'_, L>,
    series_id: SeriesId,
) -> Result<Vec<OccurrenceAnswer>, UnitError> {
    let series = unit.load::<Series>(series_id).await?;
    let ids: Vec<_> = series.occurrences().filter_map(|it| it.appointment_id).collect();
    unit.prefetch(&ids.iter().map(Appointment::stream).collect::<Vec<_>>()).await?;
    let mut states = BTreeMap::new();
    for id in ids {
        states.insert(id, unit.peek::<Appointment>(id).await?);
    }
    Ok(occurrences(&series, |id| states.get(&id).map(AsRef::as_ref)))
}
