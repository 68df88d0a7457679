//! An appointment as its customer is told of it.

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::{DecodeError, Evolve as _, decode},
    appointment::{
        Appointment, AppointmentEvent, AppointmentStatus, Booking, ChangedBy, ReasonCode,
    },
    event_log::RecordedEvent,
    ids::{AppointmentId, BranchId, SeriesId, ServiceId, StaffId},
    money::Money,
    outside_ref::OutsideRef,
    personal::Personal,
    phase::PhasePlan,
};
use serde::Serialize;

use super::decided_at;

/// An appointment as its customer is told of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonAppointment {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// Its status.
    pub status: Option<AppointmentStatus>,
    /// When it was booked.
    pub booked_at: DateTime<Utc>,
    /// The branch.
    pub branch_id: BranchId,
    /// The branch's zone.
    pub zone: String,
    /// The services, in order.
    pub service_ids: Vec<ServiceId>,
    /// Who does the first phase.
    pub staff_id: StaffId,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// The agreed price.
    pub price: Money,
    /// The surface that it came through.
    pub source: String,
    /// What was noted.
    pub notes: Option<String>,
    /// What an outside system calls it.
    pub external_ref: Option<String>,
    /// The call that it came from.
    pub call_id: Option<String>,
    /// The series that it belongs to.
    pub series_id: Option<SeriesId>,
    /// The phases as planned now.
    pub phases: Vec<PhasePlan>,
    /// How it was changed, in order.
    pub modifications: Vec<PersonModification>,
}

/// A change of an appointment.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonModification {
    /// When.
    pub at: DateTime<Utc>,
    /// Cancelled, moved or rejected.
    pub what: &'static str,
    /// Who wanted it.
    pub by: ChangedBy,
    /// Why, in one word.
    pub reason_code: Option<ReasonCode>,
    /// Why, in the words of whoever did it.
    pub reason: Option<String>,
    /// When the appointment would have been.
    pub from: Option<DateTime<Utc>>,
    /// When it is now.
    pub to: Option<DateTime<Utc>>,
    /// What the change costs.
    pub fee: Option<Money>,
}

impl PersonAppointment {
    /// An appointment from its own events; `None` when it has none.
    pub(super) fn fold(
        appointment_id: AppointmentId,
        events: &[RecordedEvent],
    ) -> Result<Option<Self>, DecodeError> {
        let (mut state, mut modifications) = (Appointment::default(), Vec::new());
        for recorded in events {
            let event = decode::<Appointment>(recorded)?;
            state.evolve(&event);
            modifications.extend(modification(&event, decided_at(recorded)));
        }
        let (Some(first), Some(booking)) = (events.first(), state.booking()) else {
            return Ok(None);
        };
        let (booked_at, status) = (decided_at(first), state.status());
        Ok(Some(Self {
            status,
            ..Self::booked((appointment_id, booked_at), booking, modifications)
        }))
    }

    fn booked(
        (appointment_id, booked_at): (AppointmentId, DateTime<Utc>),
        booking: &Booking,
        modifications: Vec<PersonModification>,
    ) -> Self {
        let reference = |it: &Option<OutsideRef>| it.as_ref()?.value().map(str::to_owned);
        Self {
            appointment_id,
            status: None,
            booked_at,
            branch_id: booking.branch_id,
            zone: booking.zone.name().to_owned(),
            service_ids: booking.service_ids.clone(),
            staff_id: booking.plan.staff_id,
            starts_at: booking.plan.starts_at,
            ends_at: booking.plan.ends_at,
            price: booking.price,
            source: booking.source.clone(),
            notes: booking.notes.as_ref().and_then(Personal::value).cloned(),
            external_ref: reference(&booking.external_ref),
            call_id: reference(&booking.call_id),
            series_id: booking.series.map(|place| place.series_id),
            phases: booking.plan.phases.clone(),
            modifications,
        }
    }
}

fn modification(event: &AppointmentEvent, at: DateTime<Utc>) -> Option<PersonModification> {
    let clear =
        |reason: &Option<Personal<String>>| reason.as_ref().and_then(Personal::value).cloned();
    match event {
        AppointmentEvent::Rejected { reason_code, reason, .. } => Some(PersonModification {
            at,
            what: "rejected",
            by: ChangedBy::Business,
            reason_code: reason_code.clone(),
            reason: clear(reason),
            from: None,
            to: None,
            fee: None,
        }),
        AppointmentEvent::Cancelled {
            starts_at,
            cancelled_by,
            reason_code,
            reason,
            outcome,
            ..
        } => Some(PersonModification {
            at,
            what: "cancelled",
            by: *cancelled_by,
            reason_code: reason_code.clone(),
            reason: clear(reason),
            from: Some(*starts_at),
            to: None,
            fee: Some(outcome.fee),
        }),
        AppointmentEvent::Rescheduled {
            from,
            to,
            rescheduled_by,
            reason_code,
            reason,
            outcome,
            ..
        } => Some(PersonModification {
            at,
            what: "rescheduled",
            by: *rescheduled_by,
            reason_code: reason_code.clone(),
            reason: clear(reason),
            from: Some(from.starts_at),
            to: Some(to.starts_at),
            fee: Some(outcome.fee),
        }),
        AppointmentEvent::Booked(_)
        | AppointmentEvent::Confirmed { .. }
        | AppointmentEvent::Started { .. }
        | AppointmentEvent::Completed { .. }
        | AppointmentEvent::NoShowMarked { .. }
        | AppointmentEvent::PolicyViolated { .. } => None,
    }
}
