//! Why a booking command is refused.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    appointment::AppointmentError,
    availability::{Reason, Why},
    calendar_day::CalendarDayError,
    hold::HoldError,
    ids::AppointmentId,
    master_data::MasterDataError,
    phase::PhaseError,
    refusal::{Refusal, RefusalKind},
    series::SeriesError,
};

/// Why a booking command is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BookingError {
    /// The start is over (APT-25).
    #[error("the start time must be in the future")]
    InThePast {
        /// The field that names it.
        field: &'static str,
    },
    /// A field is wrong whatever the state is.
    #[error("{problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The place cannot be had, for these reasons.
    #[error("{}", describe(reasons))]
    Unavailable {
        /// What was asked for.
        requested_time: DateTime<Utc>,
        /// Every reason.
        reasons: Vec<Reason>,
        /// The next starts that are free (AVL-15).
        next_free: Vec<DateTime<Utc>>,
        /// The occurrence of a series that it is about.
        occurrence: Option<u16>,
    },
    /// The customer has too many appointments.
    #[error("the customer already has {limit} appointments, which is the limit {which}")]
    CustomerLimit {
        /// How many are allowed.
        limit: u16,
        /// Which limit it is.
        which: &'static str,
    },
    /// A master-data thing is missing or not in use.
    #[error(transparent)]
    MasterData(#[from] MasterDataError),
    /// The appointment refuses.
    #[error(transparent)]
    Appointment(#[from] AppointmentError),
    /// A phase refuses.
    #[error(transparent)]
    Phase(#[from] PhaseError),
    /// A calendar day refuses.
    #[error(transparent)]
    CalendarDay(#[from] CalendarDayError),
    /// The hold refuses.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The series refuses.
    #[error(transparent)]
    Series(#[from] SeriesError),
}

/// The sentence of the code that the refusal has.
fn describe(reasons: &[Reason]) -> String {
    if is_conflict(reasons) {
        return "The time slot is no longer available.".to_owned();
    }
    let first = reasons.first().map(|reason| reason.why.to_string());
    first.unwrap_or_else(|| "The time slot cannot be booked.".to_owned())
}

/// Whether somebody else's claim is among the reasons.
fn is_conflict(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| {
        matches!(
            reason.why,
            Why::Claimed { .. } | Why::BufferCollision { .. } | Why::ResourceFull { .. }
        )
    })
}

/// The appointment that is in the way.
fn conflicting(reasons: &[Reason]) -> Option<AppointmentId> {
    reasons.iter().find_map(|reason| match &reason.why {
        Why::Claimed { appointment_id, .. } | Why::BufferCollision { appointment_id, .. } => {
            *appointment_id
        }
        _other => None,
    })
}

impl BookingError {
    /// A start beyond the end of the calendars.
    pub(super) fn far_off(field: &'static str) -> Self {
        Self::Invalid { field, problem: "the last year of the calendars is 9998".to_owned() }
    }

    fn inner(&self) -> Option<&dyn Refusal> {
        match self {
            Self::MasterData(refusal) => Some(refusal),
            Self::Appointment(refusal) => Some(refusal),
            Self::Phase(refusal) => Some(refusal),
            Self::CalendarDay(refusal) => Some(refusal),
            Self::Hold(refusal) => Some(refusal),
            Self::Series(refusal) => Some(refusal),
            Self::InThePast { .. }
            | Self::Invalid { .. }
            | Self::Unavailable { .. }
            | Self::CustomerLimit { .. } => None,
        }
    }
}

impl Refusal for BookingError {
    fn code(&self) -> &'static str {
        match self {
            Self::InThePast { .. } | Self::Invalid { .. } => "VALIDATION_ERROR",
            Self::Unavailable { reasons, .. } if is_conflict(reasons) => "APPOINTMENT_CONFLICT",
            Self::Unavailable { reasons, .. } => {
                reasons.first().map_or("APPOINTMENT_CONFLICT", Reason::code)
            }
            Self::CustomerLimit { .. } => "CUSTOMER_LIMIT_REACHED",
            other => other.inner().map_or("REFUSED", Refusal::code),
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InThePast { .. } | Self::Invalid { .. } => RefusalKind::Invalid,
            Self::Unavailable { .. } => RefusalKind::Conflict,
            Self::CustomerLimit { .. } => RefusalKind::Policy,
            other => other.inner().map_or(RefusalKind::Conflict, Refusal::kind),
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InThePast { field } | Self::Invalid { field, .. } => Some((*field).to_owned()),
            Self::Unavailable { reasons, .. } if is_conflict(reasons) => None,
            Self::Unavailable { reasons, .. } => {
                reasons.first().and_then(|reason| reason.why.field()).map(str::to_owned)
            }
            Self::CustomerLimit { .. } => None,
            other => other.inner().and_then(Refusal::field),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Unavailable { requested_time, reasons, next_free, occurrence } => Some(json!({
                "requested_time": requested_time,
                "conflicting_appointment_id": conflicting(reasons),
                "next_free": next_free,
                "reasons": reasons,
                "occurrence": occurrence,
            })),
            Self::CustomerLimit { limit, which } => Some(json!({ "limit": limit, "which": which })),
            Self::InThePast { .. } | Self::Invalid { .. } => None,
            other => other.inner().and_then(Refusal::details),
        }
    }
}
