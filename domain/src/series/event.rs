//! What happened to a series.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, ServiceId, StaffId},
    policy::RecurringPolicy,
};

use super::rule::SeriesRule;

/// What happened to a series. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum SeriesEvent {
    /// It was started.
    Started(Box<Started>),
    /// One occurrence was skipped.
    OccurrenceSkipped {
        /// Which, from 1.
        number: u16,
    },
    /// One occurrence was moved.
    OccurrenceMoved {
        /// Which, from 1.
        number: u16,
        /// As it was.
        from: DateTime<Utc>,
        /// As it is.
        to: DateTime<Utc>,
    },
    /// What was still to come was called off.
    Cancelled {
        /// Occurrences after this instant were called off.
        after: DateTime<Utc>,
    },
}

/// What was agreed when a series was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The company.
    pub company_id: CompanyId,
    /// The branch.
    pub branch_id: BranchId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The services of each occurrence.
    pub service_ids: Vec<ServiceId>,
    /// The active minutes that were asked for, by place in `service_ids`; empty when none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub durations: Vec<Option<u16>>,
    /// The staff member who was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff_id: Option<StaffId>,
    /// The rule.
    pub rule: SeriesRule,
    /// The agreed policy (POL-08).
    pub policy: RecurringPolicy,
    /// The occurrences, in order; the first is number 1.
    pub occurrences: Vec<Occurrence>,
}

/// One occurrence of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Its place, from 1.
    pub number: u16,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// Its appointment; none if its place was taken and conflicts were to be skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment_id: Option<AppointmentId>,
}

crate::event_kinds!(SeriesEvent {
    Started => "series.started" @ "1.0.0",
    OccurrenceSkipped => "series.occurrence_skipped" @ "1.0.0",
    OccurrenceMoved => "series.occurrence_moved" @ "1.0.0",
    Cancelled => "series.cancelled" @ "1.0.0",
});
