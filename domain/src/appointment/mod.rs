//! An appointment: who comes when, for what, at which price and on which terms.
//!
//! Invariants:
//! - price and terms are those of the booking, whatever becomes of the service or the company;
//! - the status goes pending, confirmed, in progress, completed; it leaves that way as rejected,
//!   cancelled or no-show, and nothing leaves those (APT-04, CTR-26);
//! - what the business or Daybook itself cancels or moves costs the customer nothing and does not
//!   count against the customer;
//! - every reschedule and cancellation is a numbered modification; one that breaks the terms is
//!   followed by a violation that names its number (APT-13, CTR-22);
//! - [`Appointment::version`] counts its events: it is the stream's revision (APT-08).

mod booking;
mod cause;
mod command;
mod error;
mod event;
mod state;
#[cfg(test)]
mod tests;

use crate::{
    aggregate::{Decide, Evolve},
    policy::{
        CancellationFacts, PolicyCheck, PolicyOutcome, RescheduleFacts, judge_cancellation,
        judge_reschedule,
    },
};

pub use self::{
    booking::{Booking, BookingType, PlacedClaim, Plan, SeriesPlace},
    cause::{Cause, ChangeCause, ChangedBy, REASON_CODES, ReasonCode},
    command::{AppointmentCommand, Cancellation, Rescheduling},
    error::AppointmentError,
    event::{AppointmentEvent, ModificationKind},
    state::{Appointment, AppointmentStatus},
};

impl Decide for Appointment {
    type Command = AppointmentCommand;
    type Error = AppointmentError;

    fn decide(
        &self,
        command: AppointmentCommand,
    ) -> Result<Vec<AppointmentEvent>, AppointmentError> {
        use AppointmentStatus::{Completed, Confirmed, InProgress, NoShow, Pending, Rejected};

        match command {
            AppointmentCommand::Book(booking) => book(self, booking),
            AppointmentCommand::Confirm { notify_customer } => {
                let confirmed = || AppointmentEvent::Confirmed { notify_customer };
                step(self, Confirmed, &[Pending], confirmed)
            }
            AppointmentCommand::Reject { cause } => {
                let Cause { by: _, reason_code, reason, notify_customer } = cause;
                let rejected =
                    || AppointmentEvent::Rejected { reason_code, reason, notify_customer };
                step(self, Rejected, &[Pending], rejected)
            }
            AppointmentCommand::Start { at, notify_customer } => {
                let started = || AppointmentEvent::Started { at, notify_customer };
                step(self, InProgress, &[Confirmed], started)
            }
            AppointmentCommand::Complete { at, notify_customer } => {
                let completed = || AppointmentEvent::Completed { at, notify_customer };
                step(self, Completed, &[InProgress], completed)
            }
            AppointmentCommand::MarkNoShow { at, notify_customer } => {
                let starts_at = self.require()?.plan.starts_at;
                if self.status() != Some(NoShow) && at < starts_at {
                    return Err(AppointmentError::NotYetDue { starts_at });
                }
                let marked = || AppointmentEvent::NoShowMarked { at, notify_customer };
                step(self, NoShow, &[Confirmed, InProgress], marked)
            }
            AppointmentCommand::Cancel(cancellation) => cancel(self, cancellation),
            AppointmentCommand::Reschedule(rescheduling) => reschedule(self, rescheduling),
        }
    }
}

fn book(
    state: &Appointment,
    booking: Box<Booking>,
) -> Result<Vec<AppointmentEvent>, AppointmentError> {
    match state.booking() {
        Some(held) if *held == *booking => Ok(Vec::new()),
        Some(_) => Err(AppointmentError::AlreadyBooked),
        None if booking.plan.ends_at <= booking.plan.starts_at => {
            Err(AppointmentError::EndsBeforeItStarts)
        }
        None => Ok(vec![AppointmentEvent::Booked(booking)]),
    }
}

/// One step of the status flow; a step that was made is not made again.
fn step(
    state: &Appointment,
    to: AppointmentStatus,
    from: &[AppointmentStatus],
    event: impl FnOnce() -> AppointmentEvent,
) -> Result<Vec<AppointmentEvent>, AppointmentError> {
    state.require()?;
    match state.status() {
        Some(status) if status == to => Ok(Vec::new()),
        Some(status) if !from.contains(&status) => {
            Err(AppointmentError::StatusForbids { status, wanted: to })
        }
        _ => Ok(vec![event()]),
    }
}

fn cancel(
    state: &Appointment,
    cancellation: Cancellation,
) -> Result<Vec<AppointmentEvent>, AppointmentError> {
    let Cancellation { at, cause, cancelled_this_month } = cancellation;
    let booking = state.require()?;
    if state.status() == Some(AppointmentStatus::Cancelled) {
        return Ok(Vec::new());
    }
    state.require_changeable(AppointmentStatus::Cancelled)?;
    let facts = CancellationFacts {
        notice: booking.plan.starts_at - at,
        cancelled_this_month,
        price: booking.price,
    };
    let outcome = judge_cancellation(&booking.terms.cancellation, facts).caused_by(cause.by);
    let modification = state.next_modification();
    let cancelled = AppointmentEvent::Cancelled {
        modification,
        starts_at: booking.plan.starts_at,
        cancelled_by: cause.by,
        reason_code: cause.reason_code,
        reason: cause.reason,
        notify_customer: cause.notify_customer,
        outcome: outcome.clone(),
    };
    modified(cancelled, modification, ModificationKind::Cancellation, outcome)
}

fn reschedule(
    state: &Appointment,
    rescheduling: Rescheduling,
) -> Result<Vec<AppointmentEvent>, AppointmentError> {
    let Rescheduling { at, plan, cause } = rescheduling;
    let booking = state.require()?;
    let Some(status) = state.status() else {
        return Err(AppointmentError::NotFound);
    };
    state.require_changeable(status)?;
    if plan.ends_at <= plan.starts_at {
        return Err(AppointmentError::EndsBeforeItStarts);
    }
    if plan.is_same_place(&booking.plan) {
        return Ok(Vec::new());
    }
    let facts = RescheduleFacts {
        notice: booking.plan.starts_at - at,
        rescheduled: state.counted_reschedules(),
        price: booking.price,
    };
    let outcome = judge_reschedule(&booking.terms.reschedule, facts).caused_by(cause.by);
    let modification = state.next_modification();
    let rescheduled = AppointmentEvent::Rescheduled {
        modification,
        from: Box::new(booking.plan.clone()),
        to: plan,
        rescheduled_by: cause.by,
        reason_code: cause.reason_code,
        reason: cause.reason,
        notify_customer: cause.notify_customer,
        outcome: outcome.clone(),
    };
    modified(rescheduled, modification, ModificationKind::Reschedule, outcome)
}

fn modified(
    event: AppointmentEvent,
    modification: u32,
    kind: ModificationKind,
    outcome: PolicyOutcome,
) -> Result<Vec<AppointmentEvent>, AppointmentError> {
    match outcome.policy_check {
        PolicyCheck::Passed => Ok(vec![event]),
        PolicyCheck::Warning => {
            Ok(vec![event, AppointmentEvent::PolicyViolated { modification, kind, outcome }])
        }
        PolicyCheck::Blocked => Err(AppointmentError::PolicyBlocked { outcome: Box::new(outcome) }),
    }
}

crate::cqrs_aggregate!(Appointment);

impl Evolve for Appointment {
    const TYPE: &'static str = "appointment";
    type Event = AppointmentEvent;

    fn evolve(&mut self, event: &AppointmentEvent) {
        self.apply_event(event);
    }
}
