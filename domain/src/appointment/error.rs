//! Why an appointment refuses a command.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    policy::PolicyOutcome,
    refusal::{Refusal, RefusalKind},
};

use super::AppointmentStatus;

/// Why an appointment refuses a command, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppointmentError {
    /// It was never booked.
    #[error("the appointment does not exist")]
    NotFound,
    /// Its id stands for another booking.
    #[error("the appointment was booked otherwise")]
    AlreadyBooked,
    /// The end is not after the start (APT-25).
    #[error("the appointment does not end after it starts")]
    EndsBeforeItStarts,
    /// The status flow has no such step.
    #[error("an appointment that is {status} does not become {wanted}")]
    StatusForbids {
        /// Its status.
        status: AppointmentStatus,
        /// What it should have become.
        wanted: AppointmentStatus,
    },
    /// Nobody can have been there or missed it yet.
    #[error("The appointment starts at {starts_at}; it cannot be completed or missed before.")]
    NotYetDue {
        /// When it begins.
        starts_at: DateTime<Utc>,
    },
    /// The agreed terms do not allow it.
    #[error("the agreed terms do not allow the change")]
    PolicyBlocked {
        /// What it comes to under the terms.
        outcome: Box<PolicyOutcome>,
    },
}

impl Refusal for AppointmentError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "APPOINTMENT_NOT_FOUND",
            Self::AlreadyBooked => "APPOINTMENT_EXISTS",
            Self::EndsBeforeItStarts => "VALIDATION",
            Self::StatusForbids { .. } => "STATUS_FORBIDS",
            Self::NotYetDue { .. } => "NOT_YET_DUE",
            Self::PolicyBlocked { .. } => "POLICY_BLOCKED",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyBooked | Self::StatusForbids { .. } | Self::NotYetDue { .. } => {
                RefusalKind::Conflict
            }
            Self::EndsBeforeItStarts => RefusalKind::Invalid,
            Self::PolicyBlocked { .. } => RefusalKind::Policy,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::EndsBeforeItStarts => Some("ends_at".to_owned()),
            Self::NotFound
            | Self::AlreadyBooked
            | Self::StatusForbids { .. }
            | Self::NotYetDue { .. }
            | Self::PolicyBlocked { .. } => None,
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::NotFound | Self::AlreadyBooked | Self::EndsBeforeItStarts => None,
            Self::StatusForbids { status, wanted } => {
                Some(json!({ "status": status, "wanted": wanted }))
            }
            Self::NotYetDue { starts_at } => Some(json!({ "starts_at": starts_at })),
            Self::PolicyBlocked { outcome } => serde_json::to_value(outcome).ok(),
        }
    }
}
