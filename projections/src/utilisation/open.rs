//! What could have been booked.

use daybook_domain::{
    availability::TenantGrid,
    ids::{BranchId, StaffId},
};
use uuid::Uuid;

use super::By;

/// The minutes in which a staff member works, or somebody at a branch does, on the dates of the grid:
/// by the hours as they are set now. `at` narrows a staff member's to a branch. A service has none.
pub fn open_minutes(grid: &TenantGrid<'_>, by: By, id: Uuid, at: Option<BranchId>) -> Option<i64> {
    let (staff, branch) = match by {
        By::Staff => (Some(StaffId::new(id)), at),
        By::Branch => (None, Some(BranchId::new(id))),
        By::Service => return None,
    };
    let dates = || grid.dates().start.iter_days().take_while(|date| *date < grid.dates().end);
    let minutes = grid.facts().staff.values().filter(|it| staff.is_none_or(|id| id == it.id));
    let minutes = minutes.flat_map(|it| {
        let branches = it.branches.iter().filter(|id| branch.is_none_or(|branch| branch == **id));
        branches.flat_map(|id| dates().map(|date| i64::from(grid.open_minutes(it.id, *id, date))))
    });
    Some(minutes.sum())
}
