//! A hold: places that are kept for a caller who has not decided yet (APT-09). Its id is the token
//! it is booked with.
//!
//! Invariants:
//! - a hold lapses by itself: it is judged by the time of the command that meets it;
//! - it is kept for ten minutes at most, extensions included;
//! - it is booked once or released, and nothing follows.

mod event;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aggregate::{Decide, Evolve},
    ids::AppointmentId,
    refusal::{Refusal, RefusalKind},
};

pub use self::event::{Held, HoldEvent};

/// How long a hold is kept, extensions included.
pub const LONGEST_HOLD: TimeDelta = TimeDelta::minutes(10);

/// How long a hold is kept unless the caller says otherwise.
pub const DEFAULT_HOLD: TimeDelta = TimeDelta::minutes(5);

/// What a caller may ask of a hold.
#[derive(Clone, Debug)]
pub enum HoldCommand {
    /// Keep the places.
    Place(Box<Held>),
    /// Keep them longer.
    Extend {
        /// Until when.
        expires_at: DateTime<Utc>,
        /// The time of asking.
        at: DateTime<Utc>,
    },
    /// Give them back.
    Release,
    /// Book them.
    Book {
        /// For which appointment.
        appointment_id: AppointmentId,
        /// The time of asking.
        at: DateTime<Utc>,
    },
}

/// Why a hold refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// There is no such hold.
    #[error("there is no such hold")]
    NotFound,
    /// Its time is over.
    #[error("the hold expired at {expired_at}")]
    Expired {
        /// When.
        expired_at: DateTime<Utc>,
    },
    /// It was booked or released.
    #[error("the hold was booked or released")]
    Over,
    /// It would be kept too long.
    #[error("a hold is kept for ten minutes at most, until {latest}")]
    TooLong {
        /// Until when it may be kept.
        latest: DateTime<Utc>,
    },
}

impl Refusal for HoldError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "HOLD_NOT_FOUND",
            Self::Expired { .. } => "HOLD_EXPIRED",
            Self::Over => "HOLD_OVER",
            Self::TooLong { .. } => "HOLD_TOO_LONG",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Expired { .. } | Self::Over => RefusalKind::Conflict,
            Self::TooLong { .. } => RefusalKind::Invalid,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::TooLong { .. } => Some("ttl_seconds".to_owned()),
            Self::NotFound | Self::Expired { .. } | Self::Over => Some("hold_token".to_owned()),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Expired { expired_at } => Some(json!({ "expired_at": expired_at })),
            Self::TooLong { latest } => Some(json!({ "latest": latest })),
            Self::NotFound | Self::Over => None,
        }
    }
}

/// Where a hold stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    held: Option<Box<Held>>,
    booked_for: Option<AppointmentId>,
    is_released: bool,
}

impl Hold {
    /// What is kept; `None` until it was placed.
    pub fn held(&self) -> Option<&Held> {
        self.held.as_deref()
    }

    /// The appointment that it became.
    pub const fn booked_for(&self) -> Option<AppointmentId> {
        self.booked_for
    }

    /// What is kept, if it still is at an instant.
    pub fn live(&self, at: DateTime<Utc>) -> Result<&Held, HoldError> {
        let held = self.held().ok_or(HoldError::NotFound)?;
        if self.is_released || self.booked_for.is_some() {
            return Err(HoldError::Over);
        }
        if held.expires_at <= at {
            return Err(HoldError::Expired { expired_at: held.expires_at });
        }
        Ok(held)
    }
}

impl Decide for Hold {
    type Command = HoldCommand;
    type Error = HoldError;

    fn decide(&self, command: HoldCommand) -> Result<Vec<HoldEvent>, HoldError> {
        match command {
            HoldCommand::Place(held) => {
                let latest = held.placed_at + LONGEST_HOLD;
                match self.held() {
                    Some(kept) if *kept == *held => Ok(Vec::new()),
                    Some(_) => Err(HoldError::Over),
                    None if latest < held.expires_at => Err(HoldError::TooLong { latest }),
                    None => Ok(vec![HoldEvent::Placed(held)]),
                }
            }
            HoldCommand::Extend { expires_at, at } => {
                let held = self.live(at)?;
                let latest = held.placed_at + LONGEST_HOLD;
                if latest < expires_at {
                    return Err(HoldError::TooLong { latest });
                }
                Ok(if expires_at <= held.expires_at {
                    Vec::new()
                } else {
                    vec![HoldEvent::Extended { expires_at }]
                })
            }
            HoldCommand::Release => match self.held() {
                None => Err(HoldError::NotFound),
                Some(_) if self.booked_for.is_some() => Err(HoldError::Over),
                Some(_) if self.is_released => Ok(Vec::new()),
                Some(_) => Ok(vec![HoldEvent::Released {}]),
            },
            HoldCommand::Book { appointment_id, at } => {
                self.live(at)?;
                Ok(vec![HoldEvent::Booked { appointment_id }])
            }
        }
    }
}

crate::cqrs_aggregate!(Hold);

impl Evolve for Hold {
    const TYPE: &'static str = "hold";
    type Event = HoldEvent;

    fn evolve(&mut self, event: &HoldEvent) {
        match event {
            HoldEvent::Placed(held) => self.held = Some(held.clone()),
            HoldEvent::Extended { expires_at } => {
                if let Some(held) = &mut self.held {
                    held.expires_at = *expires_at;
                }
            }
            HoldEvent::Released {} => self.is_released = true,
            HoldEvent::Booked { appointment_id } => self.booked_for = Some(*appointment_id),
        }
    }
}
