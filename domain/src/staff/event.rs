//! What happened to a staff member.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    hours::{DateException, WeeklyHours},
    ids::BranchId,
};

use super::StaffProfile;

/// What happened to a staff member. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum StaffEvent {
    /// It was registered, active.
    Registered {
        /// Everything about it.
        profile: StaffProfile,
    },
    /// Something about it changed.
    Changed {
        /// Everything about it, as it is now.
        profile: StaffProfile,
    },
    /// The weekly hours were set.
    HoursSet {
        /// At one branch only; everywhere else when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        branch_id: Option<BranchId>,
        /// All of them; those of the branch when absent.
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

crate::event_kinds!(StaffEvent {
    Registered => "staff.registered" @ "1.0.0",
    Changed => "staff.changed" @ "1.0.0",
    HoursSet => "staff.hours_set" @ "1.0.0",
    ExceptionSet => "staff.exception_set" @ "1.0.0",
    ExceptionRemoved => "staff.exception_removed" @ "1.0.0",
    Activated => "staff.activated" @ "1.0.0",
    Deactivated => "staff.deactivated" @ "1.0.0",
});
