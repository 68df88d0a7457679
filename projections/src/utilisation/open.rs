//! What could have been booked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike as _;
use daybook_domain::{
    availability::TenantGrid,
    ids::{BranchId, StaffId},
};
use uuid::Uuid;

use super::{By, UtilisationRow};

/// The minutes of staff that are open on the dates of the grid, by the hours as they are set now: for each
/// staff member, branch, day of the week or hour. Who works at two branches at the same hour has one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenMinutes {
    by_id: BTreeMap<Uuid, i64>,
    by_slot: BTreeMap<i32, i64>,
}

impl OpenMinutes {
    /// Those at some branches; absent means at all. A service has none.
    pub fn of(grid: &TenantGrid<'_>, by: By, at: Option<&BTreeSet<BranchId>>) -> Self {
        let mut open = Self::default();
        if by == By::Service {
            return open;
        }
        for staff in grid.facts().staff.values() {
            let branches = staff.branches.iter().filter(|id| at.is_none_or(|at| at.contains(id)));
            let branches: Vec<BranchId> = branches.copied().collect();
            match by {
                By::Staff => {
                    let minutes = grid.open_minutes(staff.id, &branches);
                    open.by_id.insert(staff.id.uuid(), i64::from(minutes));
                }
                By::Branch => {
                    for id in branches {
                        let minutes = grid.open_minutes(staff.id, &[id]);
                        *open.by_id.entry(id.uuid()).or_default() += i64::from(minutes);
                    }
                }
                By::Weekday | By::Hour => open.add_hours(grid, by, staff.id, &branches),
                By::Service => {}
            }
        }
        open
    }

    fn add_hours(&mut self, grid: &TenantGrid<'_>, by: By, staff: StaffId, branches: &[BranchId]) {
        grid.open_hours(staff, branches, |date, hour, minutes| {
            let slot = match by {
                By::Weekday => date.weekday().number_from_monday(),
                By::Hour | By::Staff | By::Branch | By::Service => hour,
            };
            let slot = i32::try_from(slot).unwrap_or(0);
            *self.by_slot.entry(slot).or_default() += i64::from(minutes);
        });
    }

    /// With rows of no booking for the days or hours that are open and have none.
    #[must_use]
    pub fn fill(&self, mut rows: Vec<UtilisationRow>) -> Vec<UtilisationRow> {
        for slot in self.by_slot.keys() {
            if rows.iter().all(|row| row.slot != Some(*slot)) {
                rows.push(UtilisationRow { slot: Some(*slot), ..UtilisationRow::default() });
            }
        }
        if !self.by_slot.is_empty() {
            rows.sort_by_key(|row| row.slot);
        }
        rows
    }

    /// Those of a row.
    pub fn minutes(&self, by: By, id: Option<Uuid>, slot: Option<i32>) -> Option<i64> {
        match by {
            By::Service => None,
            By::Staff | By::Branch => Some(self.by_id.get(&id?).copied().unwrap_or(0)),
            By::Weekday | By::Hour => Some(self.by_slot.get(&slot?).copied().unwrap_or(0)),
        }
    }
}
