//! What a caller may ask of a calendar day.

use chrono::{DateTime, Utc};

use crate::ids::ClaimId;

use super::{CalendarDayId, Claim, ReleaseReason};

/// What a caller may ask of a calendar day.
#[derive(Clone, Debug)]
pub enum CalendarDayCommand {
    /// Take a place.
    Claim {
        /// The day itself, which its event names.
        day: CalendarDayId,
        /// How many units the calendar has.
        capacity: u16,
        /// The claim.
        claim: Claim,
        /// The time by which holds are judged.
        at: DateTime<Utc>,
    },
    /// Keep the place, for another purpose or for longer.
    Change {
        /// The claim as it is to be; its slot and units are those that are held.
        claim: Claim,
        /// The time by which holds are judged.
        at: DateTime<Utc>,
    },
    /// Give a place back. One that is not held is given back already.
    Release {
        /// The claim.
        claim_id: ClaimId,
        /// Why.
        reason: ReleaseReason,
    },
}
