//! Who is chosen when several staff members could do it and nobody is named.
//!
//! By the strategy of the service: the primary one, or whoever has the highest priority, or neither; then
//! whoever has the fewest busy minutes on the dates around the start; then whoever's turn it is on that
//! date. The order depends on nothing but the facts, so that whoever is offered is chosen.

use std::{cmp::Reverse, ops::Range};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    bits,
    place::Placer,
    plan::{Candidate, Plan, PlannedPhase},
    request::StaffWish,
    zone_day::Step,
};
use crate::{
    ids::StaffId,
    service::{AssignmentRule, Strategy},
};

/// Candidates that a choice names; the others came after them.
const NAMED: usize = 5;

/// Minutes of a step.
const STEP_MIN: u32 = 5;

/// How the staff member of the first phase was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The strategy of the service.
    pub strategy: Strategy,
    /// The first local date whose busy minutes were counted.
    pub from: NaiveDate,
    /// The last one.
    pub to: NaiveDate,
    /// How many were free.
    pub free: usize,
    /// The first of them in the order of choice. Usually the first one is chosen; a later one if the
    /// first cannot do a later phase, nor anybody else.
    pub candidates: Vec<ChoiceCandidate>,
}

/// Somebody who was free at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceCandidate {
    /// Who.
    pub staff_id: StaffId,
    /// Whether the service names them as the primary one.
    pub is_primary: bool,
    /// Their priority for the service.
    pub priority: u16,
    /// Minutes of these dates that are taken.
    pub busy_minutes: u32,
    /// Where their turn came on that date, from 0: it decided between equals.
    pub turn: usize,
}

/// The local dates whose busy minutes count for a start.
pub(super) fn window(
    rule: AssignmentRule,
    date: NaiveDate,
    today: NaiveDate,
) -> (NaiveDate, NaiveDate) {
    let days = u64::from(rule.window_days.max(1));
    if days == 1 {
        return (date, date);
    }
    let from = date.checked_sub_days(Days::new((days - 1) / 2)).unwrap_or(date);
    let to = date.checked_add_days(Days::new(days / 2)).unwrap_or(date);
    // What is over is in no calendar any more.
    (from.max(today.min(date)), to)
}

impl Plan<'_> {
    /// The rule by which somebody is chosen.
    pub(super) fn assignment(&self) -> AssignmentRule {
        self.first.assignment.unwrap_or_default()
    }
}

/// What the order of choice at a start depends on.
pub(super) struct Order {
    rule: AssignmentRule,
    date: NaiveDate,
    dates: (NaiveDate, NaiveDate),
    bits: Range<usize>,
}

impl Placer<'_> {
    pub(super) fn order(&self, start: Step) -> Order {
        let rule = self.plan.assignment();
        let date = self.zone.date(start);
        let dates = dates(self.plan, self.request.staff, self.request.now, date);
        let dates = dates.unwrap_or((date, date));
        let (first, last) = (self.zone.day(dates.0), self.zone.day(dates.1));
        Order { rule, date, dates, bits: self.masks.bits(&(first.start..last.end)) }
    }

    /// Candidates of a phase in the order of choice.
    pub(super) fn in_order<'c>(
        &self,
        phase: &PlannedPhase<'_>,
        candidates: impl Iterator<Item = &'c Candidate<'c>>,
        order: &Order,
    ) -> Vec<&'c Candidate<'c>> {
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort_by_cached_key(|it| {
            let rank = match order.rule.strategy {
                Strategy::Primary => u16::from(it.assignment.is_primary),
                Strategy::LeastBusy => 0,
                Strategy::Priority => it.assignment.priority,
            };
            let busy = bits::count(self.taken(phase.index, it), &order.bits);
            (Reverse(rank), busy, turn(phase, it, order.date))
        });
        candidates
    }

    /// How somebody is chosen for a start, if the service has a rule for it and nobody is named.
    pub(super) fn choice(&self, start: Step) -> Option<Choice> {
        let phase = self.plan.phases.first()?;
        if self.plan.first.assignment.is_none() || self.request.staff != StaffWish::Anyone {
            return None;
        }
        let order = self.order(start);
        let free = self.in_order(phase, self.mains(start), &order);
        let named = free.iter().take(NAMED).map(|it| ChoiceCandidate {
            staff_id: it.staff.id,
            is_primary: it.assignment.is_primary,
            priority: it.assignment.priority,
            busy_minutes: bits::count(self.taken(phase.index, it), &order.bits) * STEP_MIN,
            turn: turn(phase, it, order.date),
        });
        Some(Choice {
            strategy: order.rule.strategy,
            from: order.dates.0,
            to: order.dates.1,
            free: free.len(),
            candidates: named.collect(),
        })
    }
}

/// Where somebody's turn comes on a date among all who are fit for the phase: the next one begins each
/// day.
fn turn(phase: &PlannedPhase<'_>, candidate: &Candidate<'_>, date: NaiveDate) -> usize {
    let count = phase.candidates.len().max(1);
    let day = usize::try_from(date.num_days_from_ce()).unwrap_or(0) % count;
    (candidate.seat + count - day) % count
}

/// The first and the last date that decide who is least busy; `None` if the start's own date does, or nobody
/// is to be chosen.
pub(super) fn dates(
    plan: &Plan<'_>,
    staff: StaffWish,
    now: DateTime<Utc>,
    date: NaiveDate,
) -> Option<(NaiveDate, NaiveDate)> {
    let rule = plan.assignment();
    if staff != StaffWish::Anyone || rule.window_days <= 1 {
        return None;
    }
    Some(window(rule, date, now.with_timezone(&plan.branch.zone).date_naive()))
}
