//! What the caller of a booking command is told. No personal data: answers are stored with the
//! idempotency key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    appointment::{Appointment, AppointmentStatus, Plan},
    ids::{AppointmentId, BranchId, CustomerId, HoldId, PhaseId, SeriesId, ServiceId, StaffId},
    money::Money,
    policy::PolicyOutcome,
    series::{Occurrence, OccurrenceStatus, Series},
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
}

/// One occurrence of a series as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccurrenceAnswer {
    /// Its number, from 1.
    pub number: u16,
    /// When its appointment starts now; as the rule says when it has none.
    pub starts_at: DateTime<Utc>,
    /// When the rule says that it starts.
    pub planned_starts_at: DateTime<Utc>,
    /// Its appointment; `None` if it was left out because its time was taken.
    pub appointment_id: Option<AppointmentId>,
    /// Where it stands.
    pub status: OccurrenceStage,
    /// What cancelling it came to under its terms, in the answer to a cancellation of the series.
    /// With the policy check `blocked` it was not cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyOutcome>,
}

/// Where an occurrence of a series stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceStage {
    /// It never was: its time was taken when the series started.
    LeftOut,
    /// It was skipped.
    Skipped,
    /// The status of its appointment.
    #[serde(untagged)]
    Booked(AppointmentStatus),
}

/// A series as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesAnswer {
    /// The series.
    pub series_id: SeriesId,
    /// The occurrences, in order.
    pub occurrences: Vec<OccurrenceAnswer>,
}

/// What became of the cancellation of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesCancelAnswer {
    /// The series.
    pub series_id: SeriesId,
    /// Whether nothing that was still to come is left.
    pub is_cancelled: bool,
    /// The numbers of the occurrences that were cancelled.
    pub cancelled: Vec<u16>,
    /// The numbers of those that the cancellation policy does not allow to be cancelled: they stay.
    pub blocked: Vec<u16>,
    /// What the cancellations cost together; `None` when there were none.
    pub total_fee: Option<Money>,
    /// The occurrences, in order, with what each came to.
    pub occurrences: Vec<OccurrenceAnswer>,
}

/// The occurrences of a series as they are now: each has the status and time of its appointment.
pub fn occurrences<'a>(
    series: &Series,
    appointment: impl Fn(AppointmentId) -> Option<&'a Appointment>,
) -> Vec<OccurrenceAnswer> {
    let agreed = series.started().map_or(&[][..], |started| &started.occurrences);
    let answer = |occurrence: &Occurrence| {
        let state = occurrence.appointment_id.and_then(&appointment);
        let booked = state.and_then(|state| Some((state.booking()?, state.status()?)));
        let skipped = series.status(occurrence.number) == Some(OccurrenceStatus::Skipped);
        OccurrenceAnswer {
            number: occurrence.number,
            starts_at: booked.map_or(occurrence.starts_at, |(booking, _)| booking.plan.starts_at),
            planned_starts_at: occurrence.starts_at,
            appointment_id: occurrence.appointment_id,
            status: match booked {
                _ if skipped => OccurrenceStage::Skipped,
                Some((_, status)) => OccurrenceStage::Booked(status),
                None => OccurrenceStage::LeftOut,
            },
            policy: None,
        }
    };
    agreed.iter().map(answer).collect()
}
