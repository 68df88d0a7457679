//! The calendars of a company compiled over a range of dates: what a process keeps in memory of a busy
//! tenant, or makes for one search.

use std::{collections::BTreeSet, ops::Range};

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{
    evaluate::{bookable, evaluate_on},
    facts::{BranchFacts, Busy, Facts, ResourceFacts, ServiceFacts, StaffFacts, Unreadable},
    masks::{Masks, with_own_hours},
    place::Placer,
    plan::Plan,
    request::{Placement, Request, Verdict},
    search,
    zone_day::{Step, instant, step_up},
};
use crate::{
    calendar::CalendarId,
    ids::{BranchId, ResourceId, ServiceId, StaffId},
    slot::Slot,
};

/// Minutes of a step.
const GRID_MIN: u32 = 5;

/// Steps that an early exit looks at first; the stretches double from there.
const FIRST_STRETCH: Step = 2 * 288;
/// The longest stretch that is searched at once when placements are listed.
const LONGEST_STRETCH: Step = 32 * 288;

/// Facts and their bitstrings.
///
/// What a search needs is compiled when it is first needed; a change drops what it touches, and nothing
/// else. A lapsing hold needs no change: it is judged by each request's own `now`.
#[derive(Debug)]
pub struct TenantGrid<'f> {
    facts: Facts<'f>,
    masks: Masks,
}

impl<'f> TenantGrid<'f> {
    /// The facts, for starts on the local dates of `dates`.
    ///
    /// A search finds starts on these dates only, and appointments that are over 36 hours after the
    /// last of them.
    pub fn new(facts: Facts<'f>, dates: Range<NaiveDate>) -> Self {
        let masks = Masks::of(&facts, dates);
        Self { facts, masks }
    }

    /// The facts as they stand.
    pub fn facts(&self) -> &Facts<'f> {
        &self.facts
    }

    /// The local dates that it covers.
    pub fn dates(&self) -> &Range<NaiveDate> {
        self.masks.dates()
    }

    /// Memory that is held for facts and bitstrings, in bytes, as an estimate from above.
    pub fn bytes(&self) -> usize {
        self.masks.bytes() + self.facts.bytes()
    }

    /// Moves on to other dates.
    pub fn cover(&mut self, dates: Range<NaiveDate>) {
        self.masks = Masks::of(&self.facts, dates);
    }

    /// Takes in a branch that is new or has changed; its staff may work by its hours.
    pub fn put_branch(&mut self, branch: BranchFacts<'f>) {
        let id = branch.id;
        self.facts.put_branch(branch);
        self.masks.put_branch(&self.facts, id);
    }

    /// Takes in a staff member who is new or has changed.
    pub fn put_staff(&mut self, staff: StaffFacts<'f>) {
        let id = staff.id;
        self.facts.put_staff(staff);
        self.masks.put_staff(&self.facts, id);
    }

    /// Forgets a staff member.
    pub fn remove_staff(&mut self, id: StaffId) {
        self.facts.staff.remove(&id);
        self.masks.put_staff(&self.facts, id);
    }

    /// Takes in a service that is new or has changed; its assignments may override hours.
    pub fn put_service(&mut self, service: ServiceFacts<'f>) {
        let id = service.id;
        let before = self.facts.services.get(&id).map(with_own_hours).unwrap_or_default();
        self.facts.put_service(service);
        self.masks.put_service(&self.facts, id, before);
    }

    /// Forgets a service.
    pub fn remove_service(&mut self, id: ServiceId) {
        let before = self.facts.services.remove(&id);
        let before = before.as_ref().map(with_own_hours).unwrap_or_default();
        self.masks.put_service(&self.facts, id, before);
    }

    /// Takes in a resource that is new or has changed.
    pub fn put_resource(&mut self, resource: ResourceFacts<'f>) {
        let id = resource.id;
        self.facts.put_resource(resource);
        self.masks.put_resource(&self.facts, id);
    }

    /// Forgets a resource.
    pub fn remove_resource(&mut self, id: ResourceId) {
        self.facts.resources.remove(&id);
        self.masks.put_resource(&self.facts, id);
    }

    /// Replaces the records of which an event cannot be read.
    pub fn set_unreadable(&mut self, unreadable: BTreeSet<Unreadable>) {
        self.facts.unreadable = unreadable;
    }

    /// Replaces all claims on a calendar.
    pub fn set_claims(&mut self, calendar: CalendarId, claims: Vec<Busy>) {
        self.facts.busy.insert(calendar, claims);
        self.masks.put_claims(calendar);
    }

    /// Replaces the claims on a calendar that begin on a date of a zone, as one calendar day holds them.
    pub fn set_claims_on(
        &mut self,
        calendar: CalendarId,
        zone: chrono_tz::Tz,
        date: NaiveDate,
        claims: impl IntoIterator<Item = Busy>,
    ) {
        let all = self.facts.busy.entry(calendar).or_default();
        all.retain(|claim| claim.slot.from.with_timezone(&zone).date_naive() != date);
        all.extend(claims);
        self.masks.put_claims(calendar);
    }

    /// Adds a claim.
    pub fn claim(&mut self, calendar: CalendarId, busy: Busy) {
        self.facts.add_busy(calendar, busy);
        self.masks.put_claims(calendar);
    }

    /// Takes the claims away for which `is_released` says so.
    pub fn release(&mut self, calendar: CalendarId, is_released: impl Fn(&Busy) -> bool) {
        if let Some(claims) = self.facts.busy.get_mut(&calendar) {
            claims.retain(|claim| !is_released(claim));
            self.masks.put_claims(calendar);
        }
    }

    /// The minutes of a local date in which a staff member works at a branch, taken or not; none outside
    /// of the dates that it covers.
    pub fn open_minutes(&self, staff: StaffId, branch: BranchId, date: NaiveDate) -> u32 {
        let zone = self.facts.branches.get(&branch).map(|branch| self.masks.zone(branch.zone));
        let own = self.masks.general(&self.facts, staff, branch);
        let (Some(zone), Some(words)) = (zone, own) else { return 0 };
        if !self.masks.dates().contains(&date) {
            return 0;
        }
        super::bits::count(words, &self.masks.bits(&zone.day(date))) * GRID_MIN
    }

    /// Judges one start at a branch.
    pub fn evaluate(&self, request: &Request, branch: BranchId, start: DateTime<Utc>) -> Verdict {
        evaluate_on(&self.facts, Some(&self.masks), request, branch, start)
    }

    /// Every free start in a window, at each of the branches in turn, in order of time.
    pub fn starts(
        &self,
        request: &Request,
        branches: &[BranchId],
        window: Slot,
    ) -> Vec<(BranchId, Vec<DateTime<Utc>>)> {
        let plans = self.plans(request, branches);
        let one = |plan: &Plan<'_>| {
            let found = Searched::new(self, request, plan, window);
            let steps = found.steps(&found.window);
            (plan.branch.id, steps.into_iter().map(instant).collect())
        };
        plans.iter().map(one).collect()
    }

    /// How many starts of a window are free at one branch or more, without listing them.
    pub fn count(&self, request: &Request, branch: BranchId, window: Slot) -> usize {
        let plans = self.plans(request, &[branch]);
        let one = |plan: &Plan<'_>| {
            let found = Searched::new(self, request, plan, window);
            let (_, words) = search::starts(&found.placer, &found.window);
            words.iter().map(|word| word.count_ones() as usize).sum::<usize>()
        };
        plans.iter().map(one).sum()
    }

    /// The next `limit` free starts of a window with their placements: in order of time, then of the
    /// branches as given. It stops as soon as it has them.
    pub fn next(
        &self,
        request: &Request,
        branches: &[BranchId],
        window: Slot,
        limit: usize,
    ) -> Vec<Placement> {
        let plans = self.plans(request, branches);
        let searched = plans.iter().map(|plan| Searched::new(self, request, plan, window));
        let searched: Vec<_> = searched.filter(|it| !it.window.is_empty()).collect();
        let mut found = Vec::new();
        let Some(mut from) = searched.iter().map(|it| it.window.start).min() else { return found };
        let end = searched.iter().map(|it| it.window.end).max().unwrap_or(from);
        let mut stretch = FIRST_STRETCH;
        while from < end && found.len() < limit {
            let to = from.saturating_add(stretch).min(end);
            let mut starts: Vec<(Step, usize)> = Vec::new();
            for (order, one) in searched.iter().enumerate() {
                let part = from.max(one.window.start)..to.min(one.window.end);
                starts.extend(one.steps(&part).into_iter().map(|step| (step, order)));
            }
            starts.sort_unstable();
            let placed =
                starts.into_iter().filter_map(|(step, order)| searched[order].placer.place(step));
            found.extend(placed.take(limit - found.len()));
            from = to;
            stretch = (stretch * 2).min(LONGEST_STRETCH);
        }
        found
    }

    fn plans<'p>(&'p self, request: &Request, branches: &[BranchId]) -> Vec<Plan<'p>> {
        branches.iter().filter_map(|id| Plan::new(&self.facts, request, *id).ok()).collect()
    }
}

/// The next `limit` free starts of a window, from facts that were compiled for nothing yet.
pub fn next_free(
    facts: Facts<'_>,
    request: &Request,
    branches: &[BranchId],
    window: Slot,
    limit: usize,
) -> Vec<Placement> {
    let day = |at: DateTime<Utc>| at.date_naive();
    let from = day(window.from).checked_sub_days(Days::new(1)).unwrap_or(day(window.from));
    let to = day(window.to).checked_add_days(Days::new(2)).unwrap_or(day(window.to));
    TenantGrid::new(facts, from..to).next(request, branches, window, limit)
}

/// A search at one branch, and the steps that it may look at.
struct Searched<'g> {
    placer: Placer<'g>,
    window: Range<Step>,
}

impl<'g> Searched<'g> {
    fn new(
        grid: &'g TenantGrid<'_>,
        request: &'g Request,
        plan: &'g Plan<'g>,
        window: Slot,
    ) -> Self {
        let placer = Placer::new(&grid.facts, &grid.masks, plan, request);
        let bookable = bookable(plan, request, &placer.zone);
        let dates = grid.masks.dates();
        let covered = placer.zone.day(dates.start).start..placer.zone.day(dates.end).start;
        let from = step_up(window.from).max(bookable.start).max(covered.start);
        let to = step_up(window.to).min(bookable.end).min(covered.end);
        Self { placer, window: from..to }
    }

    fn steps(&self, window: &Range<Step>) -> Vec<Step> {
        if window.is_empty() {
            return Vec::new();
        }
        let (first, words) = search::starts(&self.placer, window);
        let masks = self.placer.masks;
        super::bits::ones(&words).map(|bit| masks.step(first * 64 + bit)).collect()
    }
}
