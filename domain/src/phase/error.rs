//! Why a phase refuses a command.

use crate::refusal::{Refusal, RefusalKind};

/// Why a phase refuses a command, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhaseError {
    /// It was never planned.
    #[error("the phase does not exist")]
    NotFound,
    /// Another plan has its id.
    #[error("the phase was planned otherwise")]
    AlreadyPlanned,
    /// It was called off.
    #[error("the phase was called off")]
    Cancelled,
}

impl Refusal for PhaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "PHASE_NOT_FOUND",
            Self::AlreadyPlanned => "PHASE_EXISTS",
            Self::Cancelled => "PHASE_CANCELLED",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyPlanned | Self::Cancelled => RefusalKind::Conflict,
        }
    }
}
