//! What happened to an appointment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{personal::Personal, policy::PolicyOutcome};

use super::{Booking, ChangedBy, Plan, ReasonCode};

/// What happened to an appointment. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum AppointmentEvent {
    /// It was booked, with everything that was agreed.
    Booked(Box<Booking>),
    /// The business said yes.
    Confirmed {
        /// Whether the customer is to be notified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notify_customer: bool,
    },
    /// The business said no.
    Rejected {
        /// Why, in one word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason_code: Option<ReasonCode>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Personal<String>>,
        /// Whether the customer is to be notified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notify_customer: bool,
    },
    /// The customer was there.
    Started {
        /// When.
        at: DateTime<Utc>,
        /// Whether the customer is to be notified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notify_customer: bool,
    },
    /// It was done.
    Completed {
        /// When.
        at: DateTime<Utc>,
        /// Whether the customer is to be notified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notify_customer: bool,
    },
    /// The customer did not come.
    NoShowMarked {
        /// When that was said.
        at: DateTime<Utc>,
        /// Whether the customer is to be notified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notify_customer: bool,
    },
    /// It was called off.
    Cancelled {
        /// The number of this modification, from 1.
        modification: u32,
        /// When it would have been.
        #[serde(with = "crate::instant")]
        starts_at: DateTime<Utc>,
        /// Who cancelled; absent means the customer.
        #[serde(default, skip_serializing_if = "ChangedBy::is_customer")]
        cancelled_by: ChangedBy,
        /// Why, in one word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason_code: Option<ReasonCode>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Personal<String>>,
        /// Whether the customer is to be notified.
        notify_customer: bool,
        /// What it came to under the terms.
        outcome: PolicyOutcome,
    },
    /// It moved, in time or to another staff member.
    Rescheduled {
        /// The number of this modification, from 1.
        modification: u32,
        /// As it was.
        from: Box<Plan>,
        /// As it is.
        to: Box<Plan>,
        /// Who moved it; absent means the customer.
        #[serde(default, skip_serializing_if = "ChangedBy::is_customer")]
        rescheduled_by: ChangedBy,
        /// Why, in one word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason_code: Option<ReasonCode>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Personal<String>>,
        /// Whether the customer is to be notified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notify_customer: bool,
        /// What it came to under the terms.
        outcome: PolicyOutcome,
    },
    /// A modification broke the terms (CTR-22).
    PolicyViolated {
        /// The number of the modification.
        modification: u32,
        /// What kind of modification it was.
        kind: ModificationKind,
        /// What it came to.
        outcome: PolicyOutcome,
    },
}

/// The kinds of modification (APT-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModificationKind {
    /// It was called off.
    Cancellation,
    /// It moved.
    Reschedule,
}

crate::event_kinds!(AppointmentEvent {
    Booked => "appointment.booked" @ "1.0.0",
    Confirmed => "appointment.confirmed" @ "1.0.0",
    Rejected => "appointment.rejected" @ "1.0.0",
    Started => "appointment.started" @ "1.0.0",
    Completed => "appointment.completed" @ "1.0.0",
    NoShowMarked => "appointment.no_show_marked" @ "1.0.0",
    Cancelled => "appointment.cancelled" @ "1.0.0",
    Rescheduled => "appointment.rescheduled" @ "1.0.0",
    PolicyViolated => "appointment.policy_violated" @ "1.0.0",
});
