//! Whose hours count on a date (CTR-53): a date exception of the staff member, the assignment's
//! override, the staff member's week at the branch, the general week, the branch's week. A date
//! exception of the branch narrows whatever came out: nobody works in a closed branch.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use super::{
    facts::{BranchFacts, ResourceFacts, StaffFacts},
    zone_day::{Step, ZoneSpan},
};
use crate::hours::{DateException, DayHours, WeeklyHours};

/// What decides whether a date is open, before it becomes steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayRules<'f> {
    /// The own hours; `None` is closed.
    pub(super) own: OwnHours<'f>,
    /// The branch's exception on that date.
    pub(super) branch: Option<&'f DateException>,
}

/// Where the own hours of a date come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum OwnHours<'f> {
    /// Never closed: a resource without hours.
    Always,
    /// A week's day; `None` is closed.
    Week(Option<&'f DayHours>),
    /// A date exception.
    Exception(&'f DateException),
}

/// The rules for a staff member at a branch, with the override of an assignment if it has one.
pub(super) fn staff_rules<'f>(
    branch: &'f BranchFacts<'_>,
    staff: &'f StaffFacts<'_>,
    special: Option<&'f WeeklyHours>,
    date: NaiveDate,
) -> DayRules<'f> {
    match staff.exceptions.get(&date) {
        Some(exception) => {
            let own = OwnHours::Exception(exception);
            DayRules { own, branch: branch_exception(branch, date) }
        }
        None => week_rules(branch, staff_week(branch, staff, special), date),
    }
}

/// The week that a staff member works at a branch, where no date differs.
pub(super) fn staff_week<'f>(
    branch: &'f BranchFacts<'_>,
    staff: &'f StaffFacts<'_>,
    special: Option<&'f WeeklyHours>,
) -> &'f WeeklyHours {
    special
        .or_else(|| staff.hours_at.get(&branch.id).map(AsRef::as_ref))
        .or(staff.hours.as_deref())
        .unwrap_or(&branch.hours)
}

/// The rules for whoever works a week at a branch.
pub(super) fn week_rules<'f>(
    branch: &'f BranchFacts<'_>,
    week: &'f WeeklyHours,
    date: NaiveDate,
) -> DayRules<'f> {
    let own = OwnHours::Week(week.day(iso_weekday(date)));
    DayRules { own, branch: branch_exception(branch, date) }
}

/// The rules for a resource at its branch.
pub(super) fn resource_rules<'f>(
    branch: &'f BranchFacts<'_>,
    resource: &'f ResourceFacts<'_>,
    date: NaiveDate,
) -> DayRules<'f> {
    let own = match (resource.exceptions.get(&date), &resource.hours) {
        (Some(exception), _) => OwnHours::Exception(exception),
        (None, Some(week)) => OwnHours::Week(week.day(iso_weekday(date))),
        (None, None) => OwnHours::Always,
    };
    DayRules { own, branch: branch_exception(branch, date) }
}

impl DayRules<'_> {
    /// The open steps of the date, in order.
    pub(super) fn open(&self, zone: &ZoneSpan, date: NaiveDate) -> Vec<Range<Step>> {
        let own = match self.own {
            OwnHours::Always => vec![zone.day(date)],
            OwnHours::Week(None) => Vec::new(),
            OwnHours::Week(Some(hours)) => steps_of(hours, zone, date),
            OwnHours::Exception(exception) => steps_of(&exception.hours, zone, date),
        };
        match self.branch {
            None => own,
            Some(exception) => intersect(&own, &steps_of(&exception.hours, zone, date)),
        }
    }
}

/// The steps of a day's hours, breaks taken out.
pub(super) fn steps_of(hours: &DayHours, zone: &ZoneSpan, date: NaiveDate) -> Vec<Range<Step>> {
    let mut open: Vec<Range<Step>> = Vec::new();
    for interval in hours.open() {
        let steps = zone.interval(date, *interval);
        // On a day with a repeated hour two intervals may come to overlap.
        match open.last_mut() {
            Some(last) if steps.start <= last.end => last.end = last.end.max(steps.end),
            _ => open.push(steps),
        }
    }
    for interval in hours.breaks() {
        open = subtract(open, &zone.interval(date, *interval));
    }
    open.retain(|steps| !steps.is_empty());
    open
}

fn subtract(open: Vec<Range<Step>>, taken: &Range<Step>) -> Vec<Range<Step>> {
    if taken.is_empty() {
        return open;
    }
    open.into_iter()
        .flat_map(|steps| {
            [steps.start..steps.end.min(taken.start), steps.start.max(taken.end)..steps.end]
        })
        .filter(|steps| !steps.is_empty())
        .collect()
}

fn intersect(one: &[Range<Step>], other: &[Range<Step>]) -> Vec<Range<Step>> {
    one.iter()
        .flat_map(|a| other.iter().map(move |b| a.start.max(b.start)..a.end.min(b.end)))
        .filter(|steps| !steps.is_empty())
        .collect()
}

fn branch_exception<'f>(branch: &'f BranchFacts<'_>, date: NaiveDate) -> Option<&'f DateException> {
    branch.exceptions.get(&date).map(AsRef::as_ref)
}

/// 1 is Monday, 7 is Sunday.
fn iso_weekday(date: NaiveDate) -> u8 {
    u8::try_from(date.weekday().number_from_monday()).unwrap_or(7)
}
