//! What happened on a calendar day.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{calendar::CalendarId, ids::ClaimId};

use super::{Claim, ReleaseReason};

/// What happened on a calendar day. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum CalendarDayEvent {
    /// A place was taken.
    Claimed {
        /// The calendar.
        calendar: CalendarId,
        /// The local date.
        date: NaiveDate,
        /// The units that the calendar had when the claim was accepted.
        capacity: u16,
        /// The claim.
        claim: Claim,
    },
    /// A place was kept for another purpose or for longer.
    Changed {
        /// The claim as it is now.
        claim: Claim,
    },
    /// A place was given back.
    Released {
        /// The claim.
        claim_id: ClaimId,
        /// Why.
        reason: ReleaseReason,
    },
}

crate::event_kinds!(CalendarDayEvent {
    Claimed => "calendar_day.claimed" @ "1.0.0",
    Changed => "calendar_day.changed" @ "1.0.0",
    Released => "calendar_day.released" @ "1.0.0",
});
