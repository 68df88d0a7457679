//! What a caller may ask of a resource.

use chrono::NaiveDate;

use crate::hours::{DateException, WeeklyHours};

use super::ResourceProfile;

/// What a caller may ask of a resource.
#[derive(Clone, Debug)]
pub enum ResourceCommand {
    /// Register it.
    Register {
        /// Everything about it.
        profile: ResourceProfile,
    },
    /// Change something about it.
    Change {
        /// Everything about it, as it is to be.
        profile: ResourceProfile,
    },
    /// Set its weekly hours.
    SetHours {
        /// All of them; always usable when absent.
        weekly: Option<WeeklyHours>,
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
