//! Why a calendar day refuses a command.

use serde_json::{Value, json};

use crate::refusal::{Refusal, RefusalKind};

use super::Claim;

/// Why a calendar day refuses a command, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarDayError {
    /// The claim id stands for another claim.
    #[error("the claim id stands for another claim")]
    ClaimReused,
    /// There is no such claim.
    #[error("there is no such claim")]
    Unknown,
    /// A claim of nothing.
    #[error("a claim takes at least one unit")]
    NoUnits,
    /// The hold has expired.
    #[error("the hold has expired")]
    Lapsed,
    /// The calendar could never fit the claim.
    #[error("the calendar has only {capacity} units")]
    OverCapacity {
        /// What it has.
        capacity: u16,
    },
    /// Somebody else has the place.
    #[error("the place is taken")]
    Taken {
        /// Who.
        conflicting: Box<Claim>,
    },
}

impl Refusal for CalendarDayError {
    fn code(&self) -> &'static str {
        match self {
            Self::ClaimReused => "CLAIM_REUSED",
            Self::Unknown => "CLAIM_UNKNOWN",
            Self::NoUnits => "CLAIM_WITHOUT_UNITS",
            Self::Lapsed => "HOLD_EXPIRED",
            Self::OverCapacity { .. } => "CAPACITY_TOO_SMALL",
            Self::Taken { .. } => "APPOINTMENT_CONFLICT",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NoUnits => RefusalKind::Invalid,
            Self::Unknown => RefusalKind::NotFound,
            Self::ClaimReused | Self::Lapsed | Self::OverCapacity { .. } | Self::Taken { .. } => {
                RefusalKind::Conflict
            }
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Taken { conflicting } => Some(json!({
                "conflicting_appointment_id": conflicting.appointment_id(),
                "conflicting_slot": conflicting.slot,
            })),
            Self::OverCapacity { capacity } => Some(json!({ "capacity": capacity })),
            Self::ClaimReused | Self::Unknown | Self::NoUnits | Self::Lapsed => None,
        }
    }
}
