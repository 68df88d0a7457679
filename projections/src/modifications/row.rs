//! Rows of `read.modification_stats` and `read.policy_violations`, and how events change them.

use chrono::{DateTime, Utc};
use daybook_domain::{
    appointment::{AppointmentEvent, Booking, ModificationKind},
    event_log::RecordedEvent,
    ids::{AppointmentId, BranchId, CompanyId, CustomerId},
    policy::PolicyOutcome,
};
use serde::{Deserialize, Serialize};

use crate::rows::{Keyed, stored};

/// How often an appointment was changed. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsRow {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The position of the event that the row rests on.
    pub position: u64,
    /// Whose appointment.
    pub customer_id: CustomerId,
    /// Of which company.
    pub company_id: CompanyId,
    /// At which branch it was booked.
    pub branch_id: BranchId,
    /// Reschedules and cancellations.
    pub modification_count: u32,
    /// Cancellations.
    pub cancellation_count: u32,
    /// Reschedules.
    pub reschedule_count: u32,
    /// Changes that broke the terms.
    pub violation_count: u32,
    /// When the log took the latest change.
    pub last_modification_at: Option<DateTime<Utc>>,
}

stored!(StatsRow {
    appointment_id,
    position,
    customer_id,
    company_id,
    branch_id,
    modification_count,
    cancellation_count,
    reschedule_count,
    violation_count,
    last_modification_at,
});

impl Keyed for StatsRow {
    type Key = AppointmentId;

    fn key(&self) -> AppointmentId {
        self.appointment_id
    }
}

impl StatsRow {
    pub(super) fn booked(id: AppointmentId, booking: &Booking, recorded: &RecordedEvent) -> Self {
        Self {
            appointment_id: id,
            position: recorded.position.0,
            customer_id: booking.customer_id,
            company_id: booking.company_id,
            branch_id: booking.branch_id,
            modification_count: 0,
            cancellation_count: 0,
            reschedule_count: 0,
            violation_count: 0,
            last_modification_at: None,
        }
    }

    /// Folds a later event in. One that the row has seen changes nothing. Answers the violation that
    /// the event tells of.
    pub(super) fn apply(
        &mut self,
        event: &AppointmentEvent,
        recorded: &RecordedEvent,
    ) -> Option<ViolationRow> {
        if recorded.position.0 <= self.position {
            return None;
        }
        self.position = recorded.position.0;
        match event {
            AppointmentEvent::Cancelled { .. } => self.cancellation_count += 1,
            AppointmentEvent::Rescheduled { .. } => self.reschedule_count += 1,
            AppointmentEvent::PolicyViolated { modification, kind, outcome } => {
                self.violation_count += 1;
                return Some(ViolationRow {
                    appointment_id: self.appointment_id,
                    modification: *modification,
                    position: recorded.position.0,
                    customer_id: self.customer_id,
                    company_id: self.company_id,
                    branch_id: self.branch_id,
                    kind: *kind,
                    outcome: outcome.clone(),
                    violated_at: recorded.recorded_at,
                });
            }
            AppointmentEvent::Booked(_)
            | AppointmentEvent::Confirmed { .. }
            | AppointmentEvent::Rejected { .. }
            | AppointmentEvent::Started { .. }
            | AppointmentEvent::Completed { .. }
            | AppointmentEvent::NoShowMarked { .. } => return None,
        }
        self.modification_count += 1;
        self.last_modification_at = Some(recorded.recorded_at);
        None
    }
}

/// A change that broke the terms. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationRow {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The number of the change, from 1.
    pub modification: u32,
    /// The position of the event.
    pub position: u64,
    /// Whose appointment.
    pub customer_id: CustomerId,
    /// Of which company.
    pub company_id: CompanyId,
    /// At which branch it was booked.
    pub branch_id: BranchId,
    /// What kind of change it was.
    pub kind: ModificationKind,
    /// Which terms were broken, and what that costs.
    pub outcome: PolicyOutcome,
    /// When the log took it.
    pub violated_at: DateTime<Utc>,
}

stored!(ViolationRow {
    appointment_id,
    modification,
    position,
    customer_id,
    company_id,
    branch_id,
    kind,
    outcome,
    violated_at,
});
