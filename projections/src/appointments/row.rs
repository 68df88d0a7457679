//! A row of `read.appointments` and how events change it.

use chrono::{DateTime, Utc};
use daybook_domain::{
    appointment::{AppointmentEvent, AppointmentStatus, Booking, BookingType, Plan},
    event_log::RecordedEvent,
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, SeriesId, ServiceId, StaffId},
    money::Currency,
    outside_ref::OutsideRef,
    phase::PhasePlan,
    policy::PolicyOutcome,
};
use serde::{Deserialize, Serialize};

use crate::rows::{Keyed, stored};

/// An appointment as it stands. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentRow {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The position of the event that the row rests on.
    pub position: u64,
    /// The revision of the stream at that event: the version for `If-Match`.
    pub version: u64,
    /// Its status.
    pub status: AppointmentStatus,
    /// The company.
    pub company_id: CompanyId,
    /// The branch.
    pub branch_id: BranchId,
    /// The branch's zone when it was booked.
    pub zone: chrono_tz::Tz,
    /// The customer.
    pub customer_id: CustomerId,
    /// Who does the first phase.
    pub staff_id: StaffId,
    /// Everyone who does a phase, each once.
    pub staff_ids: Vec<StaffId>,
    /// The services, in order.
    pub service_ids: Vec<ServiceId>,
    /// Simple, composite or one of a series.
    pub booking_type: BookingType,
    /// Whether it has more than one phase.
    pub is_composite: bool,
    /// The customer's first minute.
    pub starts_at: DateTime<Utc>,
    /// The first minute after the customer's last.
    pub ends_at: DateTime<Utc>,
    /// The phases as planned now.
    pub phases: Vec<PhasePlan>,
    /// The agreed price.
    pub price_minor: i64,
    /// Its currency.
    pub currency: Currency,
    /// The surface that it came through.
    pub source: String,
    /// The client's own id for it; gone with the customer.
    pub external_ref: Option<String>,
    /// The call that it came from; gone with the customer.
    pub call_id: Option<String>,
    /// The series that it belongs to.
    pub series_id: Option<SeriesId>,
    /// Its number in the series, from 1.
    pub series_number: Option<u16>,
    /// How many reschedules and cancellations there were.
    pub modifications: u32,
    /// How many reschedules there were.
    pub reschedules: u32,
    /// How many of them broke the terms.
    pub policy_violations: u32,
    /// What the latest one came to.
    pub last_outcome: Option<PolicyOutcome>,
    /// When the log took the booking.
    pub booked_at: DateTime<Utc>,
    /// When the log took the latest event.
    pub updated_at: DateTime<Utc>,
}

stored!(AppointmentRow {
    appointment_id,
    position,
    version,
    status,
    company_id,
    branch_id,
    zone,
    customer_id,
    staff_id,
    staff_ids,
    service_ids,
    booking_type,
    is_composite,
    starts_at,
    ends_at,
    phases,
    price_minor,
    currency,
    source,
    external_ref,
    call_id,
    series_id,
    series_number,
    modifications,
    reschedules,
    policy_violations,
    last_outcome,
    booked_at,
    updated_at,
});

impl Keyed for AppointmentRow {
    type Key = AppointmentId;

    fn key(&self) -> AppointmentId {
        self.appointment_id
    }
}

impl AppointmentRow {
    /// The row of an appointment that was just booked.
    pub fn booked(id: AppointmentId, booking: &Booking, recorded: &RecordedEvent) -> Self {
        let mut row = Self {
            appointment_id: id,
            position: recorded.position.0,
            version: recorded.revision.0,
            status: if booking.is_pending {
                AppointmentStatus::Pending
            } else {
                AppointmentStatus::Confirmed
            },
            company_id: booking.company_id,
            branch_id: booking.branch_id,
            zone: booking.zone,
            customer_id: booking.customer_id,
            staff_id: booking.plan.staff_id,
            staff_ids: Vec::new(),
            service_ids: booking.service_ids.clone(),
            booking_type: booking.booking_type,
            is_composite: booking.is_composite,
            starts_at: booking.plan.starts_at,
            ends_at: booking.plan.ends_at,
            phases: Vec::new(),
            price_minor: booking.price.amount_minor,
            currency: booking.price.currency,
            source: booking.source.clone(),
            external_ref: reference(booking.external_ref.as_ref()),
            call_id: reference(booking.call_id.as_ref()),
            series_id: booking.series.map(|place| place.series_id),
            series_number: booking.series.map(|place| place.number),
            modifications: 0,
            reschedules: 0,
            policy_violations: 0,
            last_outcome: None,
            booked_at: recorded.recorded_at,
            updated_at: recorded.recorded_at,
        };
        row.place(&booking.plan);
        row
    }

    /// Folds a later event in. One that the row has seen changes nothing.
    pub fn apply(&mut self, event: &AppointmentEvent, recorded: &RecordedEvent) {
        if recorded.position.0 <= self.position {
            return;
        }
        self.position = recorded.position.0;
        self.version = recorded.revision.0;
        self.updated_at = recorded.recorded_at;
        match event {
            // A stream is booked once; the aggregate refuses the second time.
            AppointmentEvent::Booked(_) => {}
            AppointmentEvent::Confirmed { .. } => self.status = AppointmentStatus::Confirmed,
            AppointmentEvent::Rejected { .. } => self.status = AppointmentStatus::Rejected,
            AppointmentEvent::Started { .. } => self.status = AppointmentStatus::InProgress,
            AppointmentEvent::Completed { .. } => self.status = AppointmentStatus::Completed,
            AppointmentEvent::NoShowMarked { .. } => self.status = AppointmentStatus::NoShow,
            AppointmentEvent::Cancelled { modification, outcome, .. } => {
                self.status = AppointmentStatus::Cancelled;
                self.modifications = *modification;
                self.last_outcome = Some(outcome.clone());
            }
            AppointmentEvent::Rescheduled { modification, to, outcome, .. } => {
                self.modifications = *modification;
                self.reschedules += 1;
                self.last_outcome = Some(outcome.clone());
                self.place(to);
            }
            AppointmentEvent::PolicyViolated { .. } => self.policy_violations += 1,
        }
    }

    fn place(&mut self, plan: &Plan) {
        self.staff_id = plan.staff_id;
        self.starts_at = plan.starts_at;
        self.ends_at = plan.ends_at;
        self.staff_ids = plan.phases.iter().map(|phase| phase.staff_id).collect();
        self.staff_ids.sort_unstable();
        self.staff_ids.dedup();
        self.phases.clone_from(&plan.phases);
    }
}

fn reference(it: Option<&OutsideRef>) -> Option<String> {
    it.and_then(OutsideRef::value).map(str::to_owned)
}
