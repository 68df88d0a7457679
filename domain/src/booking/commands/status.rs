//! The steps of the status flow: confirm, reject, start, complete, no-show (CTR-26).

use crate::{
    aggregate::Evolve as _,
    appointment::{Appointment, AppointmentCommand, Booking, ChangeCause, PlacedClaim},
    calendar_day::{CalendarDay, ReleaseReason},
    customer::{Customer, CustomerEvent},
    dispatch::{Unit, UnitCommand, UnitError},
    event_log::Revision,
    ids::AppointmentId,
    master_data::MasterDataError,
    phase::{Phase, PhaseCommand},
    ports::EventLog,
};

use super::{
    super::{
        BookingAnswer, BookingError, accept,
        place::{change_claims, release_claims},
    },
    book::answer,
    change::check_cause,
};

/// A step of the status flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// The business says yes.
    Confirm,
    /// The business says no.
    Reject,
    /// The customer is there.
    Start,
    /// It is done.
    Complete,
    /// The customer did not come.
    NoShow,
}

/// Takes a step of the status flow.
#[derive(Clone, Debug)]
pub struct ChangeStatus {
    /// Which appointment.
    pub appointment_id: AppointmentId,
    /// The step.
    pub change: StatusChange,
    /// Why, and whether the customer is to be notified. Who wants it counts for nothing: no step is
    /// judged by terms.
    pub cause: ChangeCause,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

impl UnitCommand for ChangeStatus {
    type Answer = BookingAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<BookingAnswer, BookingError>, UnitError> {
        let id = self.appointment_id;
        let booking = accept!(load(unit, id, self.expected).await?);
        let at = unit.context().at;
        accept!(check_cause(unit, booking.company_id, &self.cause).await?);
        let notify_customer = self.cause.notify_customer;
        let command = match &self.change {
            StatusChange::Confirm => AppointmentCommand::Confirm { notify_customer },
            StatusChange::Reject => {
                AppointmentCommand::Reject { cause: self.cause.of(booking.customer_id) }
            }
            StatusChange::Start => AppointmentCommand::Start { at, notify_customer },
            StatusChange::Complete => AppointmentCommand::Complete { at, notify_customer },
            StatusChange::NoShow => AppointmentCommand::MarkNoShow { at, notify_customer },
        };
        let before = unit.revision::<Appointment>(id);
        accept!(unit.decide::<Appointment>(id, command).await?);
        if unit.revision::<Appointment>(id) != before {
            accept!(self.follow(unit, &booking).await?);
        }
        answer(unit, id).await
    }
}

impl ChangeStatus {
    /// What a step means for calendar, phases and customer.
    async fn follow<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        booking: &Booking,
    ) -> Result<Result<(), BookingError>, UnitError> {
        let appointment_id = self.appointment_id;
        let visit = match self.change {
            StatusChange::Start => None,
            StatusChange::Confirm => {
                let booked = |placed: &PlacedClaim| placed.of_appointment(appointment_id, false);
                accept!(change_claims(unit, &booking.plan, booked).await?);
                None
            }
            StatusChange::Complete => Some(CustomerEvent::VisitCompleted { appointment_id }),
            StatusChange::Reject => {
                accept!(let_go(unit, booking, ReleaseReason::Rejected).await?);
                Some(CustomerEvent::VisitCancelled { appointment_id, counted_in: None })
            }
            StatusChange::NoShow => {
                accept!(let_go(unit, booking, ReleaseReason::NoShow).await?);
                Some(CustomerEvent::VisitMissed { appointment_id })
            }
        };
        if let Some(visit) = visit {
            unit.record::<Customer>(booking.customer_id, vec![visit]).await?;
        }
        Ok(Ok(()))
    }
}

/// Gives the places back and calls the phases off.
pub(super) async fn let_go<L: EventLog>(
    unit: &mut Unit<'_, L>,
    booking: &Booking,
    reason: ReleaseReason,
) -> Result<Result<(), BookingError>, UnitError> {
    accept!(release_claims(unit, &booking.plan, reason).await?);
    for phase in &booking.plan.phases {
        accept!(unit.decide::<Phase>(phase.phase_id, PhaseCommand::Cancel).await?);
    }
    Ok(Ok(()))
}

/// Loads an appointment with everything that a change to it touches.
pub(super) async fn load<L: EventLog>(
    unit: &mut Unit<'_, L>,
    id: AppointmentId,
    expected: Option<u64>,
) -> Result<Result<Booking, BookingError>, UnitError> {
    let appointment = unit.load::<Appointment>(id).await?;
    let booking = accept!(appointment.require()).clone();
    let Revision(actual) = unit.revision::<Appointment>(id);
    if let Some(expected) = expected.filter(|expected| *expected != actual) {
        return Ok(Err(MasterDataError::VersionMismatch { expected, actual }.into()));
    }
    let days = booking.plan.claims.iter().flat_map(PlacedClaim::days);
    let days: Vec<_> = days.map(CalendarDay::stream).collect();
    let customer = [Customer::stream(booking.customer_id)];
    unit.queue_also(customer.clone());
    unit.queue_for(&days).await;
    let phases = booking.plan.phases.iter().map(|phase| Phase::stream(phase.phase_id));
    let streams: Vec<_> = days.into_iter().chain(phases).chain(customer).collect();
    unit.prefetch(&streams).await?;
    Ok(Ok(booking))
}
