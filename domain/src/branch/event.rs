//! What happened to a branch.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::hours::{DateException, WeeklyHours};

use super::BranchProfile;

/// What happened to a branch. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum BranchEvent {
    /// It was registered, active.
    Registered {
        /// Everything about it.
        profile: BranchProfile,
    },
    /// Something about it changed.
    Changed {
        /// Everything about it, as it is now.
        profile: BranchProfile,
    },
    /// Its weekly hours were set.
    HoursSet {
        /// All of them.
        weekly: WeeklyHours,
    },
    /// A date got its own hours.
    ExceptionSet {
        /// The date and its hours.
        exception: DateException,
    },
    /// A date has its weekly hours again.
    ExceptionRemoved {
        /// The date.
        date: NaiveDate,
    },
    /// It is in use again.
    Activated,
    /// It is no longer in use; what was agreed stays.
    Deactivated,
}

crate::event_kinds!(BranchEvent {
    Registered => "branch.registered" @ "1.0.0",
    Changed => "branch.changed" @ "1.0.0",
    HoursSet => "branch.hours_set" @ "1.0.0",
    ExceptionSet => "branch.exception_set" @ "1.0.0",
    ExceptionRemoved => "branch.exception_removed" @ "1.0.0",
    Activated => "branch.activated" @ "1.0.0",
    Deactivated => "branch.deactivated" @ "1.0.0",
});
