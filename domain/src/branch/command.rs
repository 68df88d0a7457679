//! What a caller may ask of a branch.

use chrono::NaiveDate;

use crate::hours::{DateException, WeeklyHours};

use super::BranchProfile;

/// What a caller may ask of a branch.
#[derive(Clone, Debug)]
pub enum BranchCommand {
    /// Register it.
    Register {
        /// Everything about it.
        profile: BranchProfile,
    },
    /// Change something about it.
    Change {
        /// Everything about it, as it is to be.
        profile: BranchProfile,
    },
    /// Set its weekly hours.
    SetHours {
        /// All of them.
        weekly: WeeklyHours,
    },
    /// Give a date its own hours.
    SetException {
        /// The date and its hours.
        exception: DateException,
    },
    /// Give a date its weekly hours again.
    RemoveException {
        /// The date.
        date: NaiveDate,
    },
    /// Use it again, or no longer.
    SetActive {
        /// Whether it is to be used.
        is_active: bool,
    },
}
