//! Why a series refuses a command.

use serde_json::{Value, json};

use crate::{
    policy::PolicyOutcome,
    refusal::{Refusal, RefusalKind},
};

use super::rule::RuleError;

/// Why a series refuses a command, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// It was never started.
    #[error("the series does not exist")]
    NotFound,
    /// Its id stands for another series.
    #[error("the series was started otherwise")]
    AlreadyStarted,
    /// The rule is not one.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Too few occurrences can be booked (AT-40).
    #[error("A series needs at least {min_length} booked occurrences; {length} can be booked.")]
    TooShort {
        /// How many can be booked.
        length: u16,
        /// How many were left out because their time is taken.
        left_out: u16,
        /// The fewest.
        min_length: u16,
    },
    /// Every occurrence was left out.
    #[error("None of the {left_out} occurrences can be booked: their times are taken.")]
    NothingToBook {
        /// How many there would have been.
        left_out: u16,
    },
    /// Too many occurrences, or no end (AT-40).
    #[error("a series has at most {max_length} occurrences")]
    TooLong {
        /// The most.
        max_length: u16,
    },
    /// It has no such occurrence.
    #[error("the series has no occurrence {number}")]
    NoSuchOccurrence {
        /// Which.
        number: u16,
    },
    /// It was called off.
    #[error("the series was called off")]
    Cancelled,
    /// The occurrence was skipped, left out, cancelled or rejected.
    #[error("Occurrence {number} does not take place.")]
    NotPlanned {
        /// Which.
        number: u16,
    },
    /// The appointment of the occurrence has begun or is over.
    #[error("Occurrence {number} has begun and can no longer be skipped.")]
    HasBegun {
        /// Which.
        number: u16,
    },
    /// The cancellation policy allows none of what is still to come to be cancelled.
    #[error("The agreed terms do not allow any of the remaining occurrences to be cancelled.")]
    CancellationBlocked {
        /// The occurrences and what the terms say about each.
        blocked: Vec<(u16, PolicyOutcome)>,
    },
    /// Nothing may be skipped.
    #[error("no occurrence of the series may be skipped")]
    SkipsNotAllowed,
    /// Enough was skipped (AT-40).
    #[error("only {max_skips} occurrences of the series may be skipped")]
    NoSkipLeft {
        /// How many may be.
        max_skips: u16,
    },
}

impl Refusal for SeriesError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "SERIES_NOT_FOUND",
            Self::AlreadyStarted => "SERIES_EXISTS",
            Self::Rule(_) => "VALIDATION",
            Self::TooShort { .. } => "SERIES_TOO_SHORT",
            Self::NothingToBook { .. } => "SERIES_FULLY_TAKEN",
            Self::TooLong { .. } => "SERIES_TOO_LONG",
            Self::NoSuchOccurrence { .. } => "OCCURRENCE_NOT_FOUND",
            Self::Cancelled => "SERIES_CANCELLED",
            Self::NotPlanned { .. } => "OCCURRENCE_NOT_PLANNED",
            Self::HasBegun { .. } => "OCCURRENCE_HAS_BEGUN",
            Self::CancellationBlocked { .. } => "POLICY_BLOCKED",
            Self::SkipsNotAllowed => "SKIPS_NOT_ALLOWED",
            Self::NoSkipLeft { .. } => "NO_SKIP_LEFT",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound | Self::NoSuchOccurrence { .. } => RefusalKind::NotFound,
            Self::Rule(_) => RefusalKind::Invalid,
            Self::TooShort { .. }
            | Self::TooLong { .. }
            | Self::SkipsNotAllowed
            | Self::NoSkipLeft { .. }
            | Self::CancellationBlocked { .. } => RefusalKind::Policy,
            Self::AlreadyStarted
            | Self::NothingToBook { .. }
            | Self::Cancelled
            | Self::NotPlanned { .. }
            | Self::HasBegun { .. } => RefusalKind::Conflict,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Rule(error) => Some(error.field().to_owned()),
            Self::TooShort { .. } | Self::TooLong { .. } => Some("rrule".to_owned()),
            Self::NotFound
            | Self::AlreadyStarted
            | Self::NothingToBook { .. }
            | Self::NoSuchOccurrence { .. }
            | Self::Cancelled
            | Self::NotPlanned { .. }
            | Self::HasBegun { .. }
            | Self::CancellationBlocked { .. }
            | Self::SkipsNotAllowed
            | Self::NoSkipLeft { .. } => None,
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::TooShort { length, left_out, min_length } => {
                Some(json!({ "length": length, "left_out": left_out, "min_length": min_length }))
            }
            Self::NothingToBook { left_out } => Some(json!({ "left_out": left_out })),
            Self::CancellationBlocked { blocked } => {
                let blocked = blocked
                    .iter()
                    .map(|(number, outcome)| json!({ "number": number, "policy": outcome }));
                Some(json!({ "blocked": blocked.collect::<Vec<_>>() }))
            }
            Self::TooLong { max_length } => Some(json!({ "max_length": max_length })),
            Self::NoSkipLeft { max_skips } => Some(json!({ "max_skips": max_skips })),
            Self::NotFound
            | Self::AlreadyStarted
            | Self::Rule(_)
            | Self::NoSuchOccurrence { .. }
            | Self::Cancelled
            | Self::NotPlanned { .. }
            | Self::HasBegun { .. }
            | Self::SkipsNotAllowed => None,
        }
    }
}
