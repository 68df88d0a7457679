//! Why a series refuses a command.

use serde_json::{Value, json};

use crate::refusal::{Refusal, RefusalKind};

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
    /// Too few occurrences (AT-40).
    #[error("a series has at least {min_length} occurrences, not {length}")]
    TooShort {
        /// How many there are.
        length: u16,
        /// The fewest.
        min_length: u16,
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
    /// The occurrence was skipped or left out.
    #[error("occurrence {number} does not take place")]
    NotPlanned {
        /// Which.
        number: u16,
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
            Self::TooLong { .. } => "SERIES_TOO_LONG",
            Self::NoSuchOccurrence { .. } => "OCCURRENCE_NOT_FOUND",
            Self::Cancelled => "SERIES_CANCELLED",
            Self::NotPlanned { .. } => "OCCURRENCE_NOT_PLANNED",
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
            | Self::NoSkipLeft { .. } => RefusalKind::Policy,
            Self::AlreadyStarted | Self::Cancelled | Self::NotPlanned { .. } => {
                RefusalKind::Conflict
            }
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Rule(_) | Self::TooShort { .. } | Self::TooLong { .. } => {
                Some("rrule".to_owned())
            }
            Self::NotFound
            | Self::AlreadyStarted
            | Self::NoSuchOccurrence { .. }
            | Self::Cancelled
            | Self::NotPlanned { .. }
            | Self::SkipsNotAllowed
            | Self::NoSkipLeft { .. } => None,
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::TooShort { length, min_length } => {
                Some(json!({ "length": length, "min_length": min_length }))
            }
            Self::TooLong { max_length } => Some(json!({ "max_length": max_length })),
            Self::NoSkipLeft { max_skips } => Some(json!({ "max_skips": max_skips })),
            Self::NotFound
            | Self::AlreadyStarted
            | Self::Rule(_)
            | Self::NoSuchOccurrence { .. }
            | Self::Cancelled
            | Self::NotPlanned { .. }
            | Self::SkipsNotAllowed => None,
        }
    }
}
