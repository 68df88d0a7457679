//! What the caller of a booking command is told. No personal data: answers are stored with the
//! idempotency key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    appointment::{Appointment, AppointmentStatus, Plan},
    availability::Choice,
    ids::{AppointmentId, BranchId, CustomerId, HoldId, PhaseId, SeriesId, ServiceId, StaffId},
    money::Money,
    policy::PolicyOutcome,
    series::Occurrence,
};

/// A phase of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseAnswer {
    /// The phase.
    pub phase_id: PhaseId,
    /// Its key within the service.
    pub key: String,
    /// The service.
    pub service_id: ServiceId,
    /// Who does it.
    pub staff_id: StaffId,
    /// When staff and client begin.
    pub starts_at: DateTime<Utc>,
    /// When they end.
    pub ends_at: DateTime<Utc>,
}

/// An appointment as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingAnswer {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// Who comes.
    pub customer_id: CustomerId,
    /// Its status.
    pub status: AppointmentStatus,
    /// When the customer comes.
    pub starts_at: DateTime<Utc>,
    /// When the customer may go.
    pub ends_at: DateTime<Utc>,
    /// Where.
    pub branch_id: BranchId,
    /// By whom.
    pub staff_id: StaffId,
    /// What it costs.
    pub price: Money,
    /// Whether it has more than one phase.
    pub is_composite: bool,
    /// The phases, in order.
    pub phases: Vec<PhaseAnswer>,
    /// Its version, for `If-Match`.
    pub version: u64,
    /// How the staff member was chosen, if nobody was named and the service has a rule for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Choice>,
}

/// The phases of a plan.
pub(super) fn phases(plan: &Plan) -> Vec<PhaseAnswer> {
    let answer = |phase: &crate::phase::PhasePlan| PhaseAnswer {
        phase_id: phase.phase_id,
        key: phase.key.clone(),
        service_id: phase.service_id,
        staff_id: phase.staff_id,
        starts_at: phase.active.from,
        ends_at: phase.active.to,
    };
    plan.phases.iter().map(answer).collect()
}

impl BookingAnswer {
    /// An appointment as it is now; `None` until it was booked.
    pub fn of(appointment_id: AppointmentId, state: &Appointment) -> Option<Self> {
        let booking = state.booking()?;
        Some(Self {
            appointment_id,
            customer_id: booking.customer_id,
            status: state.status()?,
            starts_at: booking.plan.starts_at,
            ends_at: booking.plan.ends_at,
            branch_id: booking.branch_id,
            staff_id: booking.plan.staff_id,
            price: booking.price,
            is_composite: booking.is_composite,
            phases: phases(&booking.plan),
            version: state.version(),
            assignment: booking.plan.choice.as_deref().cloned(),
        })
    }
}

/// What became of a change to an appointment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeAnswer {
    /// The appointment as it is now.
    pub booking: BookingAnswer,
    /// When it was before.
    pub old_time: DateTime<Utc>,
    /// What the change came to under the terms; `None` when there was nothing left to do.
    pub outcome: Option<PolicyOutcome>,
}

/// A hold as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldAnswer {
    /// The hold: the token that it is booked with.
    pub hold_id: HoldId,
    /// From then on it does not count.
    pub expires_at: DateTime<Utc>,
    /// When the customer would come.
    pub starts_at: DateTime<Utc>,
    /// When the customer might go.
    pub ends_at: DateTime<Utc>,
    /// By whom.
    pub staff_id: StaffId,
    /// The phases, in order.
    pub phases: Vec<PhaseAnswer>,
    /// How the staff member was chosen, if nobody was named and the service has a rule for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Choice>,
}

/// A series as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesAnswer {
    /// The series.
    pub series_id: SeriesId,
    /// The occurrences, in order; those without an appointment were left out.
    pub occurrences: Vec<Occurrence>,
}
