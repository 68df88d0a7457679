//! What happened to a resource.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::hours::{DateException, WeeklyHours};

use super::ResourceProfile;

/// What happened to a resource. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum ResourceEvent {
    /// It was registered, active.
    Registered {
        /// Everything about it.
        profile: ResourceProfile,
    },
    /// Something about it changed.
    Changed {
        /// Everything about it, as it is now.
        profile: ResourceProfile,
    },
    /// Its weekly hours were set.
    HoursSet {
        /// All of them; always usable when absent.
        weekly: Option<WeeklyHours>,
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

crate::event_kinds!(ResourceEvent {
    Registered => "resource.registered" @ "1.0.0",
    Changed => "resource.changed" @ "1.0.0",
    HoursSet => "resource.hours_set" @ "1.0.0",
    ExceptionSet => "resource.exception_set" @ "1.0.0",
    ExceptionRemoved => "resource.exception_removed" @ "1.0.0",
    Activated => "resource.activated" @ "1.0.0",
    Deactivated => "resource.deactivated" @ "1.0.0",
});
