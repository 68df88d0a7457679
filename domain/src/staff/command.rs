//! What a caller may ask of a staff member.

use chrono::NaiveDate;

use crate::{
    hours::{DateException, WeeklyHours},
    ids::BranchId,
};

use super::StaffProfile;

/// What a caller may ask of a staff member.
#[derive(Clone, Debug)]
pub enum StaffCommand {
    /// Register it.
    Register {
        /// Everything about it.
        profile: StaffProfile,
    },
    /// Change something about it.
    Change {
        /// Everything about it, as it is to be.
        profile: StaffProfile,
    },
    /// Set the weekly hours.
    SetHours {
        /// At one branch only; everywhere else when absent.
        branch_id: Option<BranchId>,
        /// All of them; those of the branch when absent.
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
