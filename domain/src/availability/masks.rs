//! Hours and claims as bitstrings over a range of dates.
//!
//! A bitstring is compiled when a search first needs it and kept until what it rests on changes: the
//! first question of a tenant costs what its candidates cost, not what all of the staff do.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use super::{
    bits,
    facts::{BranchFacts, Facts, ServiceFacts, StaffFacts},
    open::{resource_rules, staff_rules, staff_week, week_rules},
    taken::{Counts, Taken},
    zone_day::{Step, ZoneSpan, instant},
};
use crate::{
    calendar::CalendarId,
    hours::WeeklyHours,
    ids::{BranchId, ResourceId, ServiceId, StaffId},
    slot::Slot,
};

/// Days compiled before the first date: buffers reach back.
const LEAD_DAYS: u64 = 1;
/// Different weeks that are remembered.
const MAX_WEEKS: usize = 64;
/// Days compiled after the last date: an appointment may end on a later one.
const TAIL_DAYS: u64 = 2;

/// A bitstring that several owners share.
type Words = Arc<[u64]>;
/// A week that was compiled for a branch.
type Week = (BranchId, WeeklyHours, Words);

/// The bitstrings of all calendars over a range of dates. They begin at the same step.
#[derive(Debug)]
pub(super) struct Masks {
    dates: Range<NaiveDate>,
    wide: Range<NaiveDate>,
    base: Step,
    pub(super) words: usize,
    pub(super) instants: Slot,
    zones: Vec<ZoneSpan>,
    pub(super) staff: BTreeMap<StaffId, StaffMasks>,
    pub(super) resources: BTreeMap<ResourceId, ResourceMasks>,
    /// The starts of each zone and grid, both of which are added and never taken away.
    grids: Vec<(Tz, u16, OnceLock<Vec<u64>>)>,
    /// The services whose assignment of a staff member has its own hours.
    overrides: BTreeMap<StaffId, BTreeSet<ServiceId>>,
    /// Weeks that were compiled for a branch: many people work the same ones.
    weeks: Mutex<Vec<Week>>,
}

/// A staff member's bitstrings.
#[derive(Debug, Default)]
pub(super) struct StaffMasks {
    open: Vec<OpenAt>,
    pub(super) taken: OnceLock<Taken>,
}

/// When a staff member works at a branch; for one service, where its assignment overrides the hours.
#[derive(Debug)]
struct OpenAt {
    branch_id: BranchId,
    service_id: Option<ServiceId>,
    words: OnceLock<Words>,
}

/// A resource's bitstring, and the units that are taken at each step.
#[derive(Debug, Default)]
pub(super) struct ResourceMasks {
    open: OnceLock<Vec<u64>>,
    pub(super) taken: OnceLock<Counts>,
}

impl Masks {
    /// Nothing to compile yet, for `dates`.
    pub(super) fn new(dates: Range<NaiveDate>) -> Self {
        let wide = dates.start.checked_sub_days(Days::new(LEAD_DAYS)).unwrap_or(dates.start)
            ..dates.end.checked_add_days(Days::new(TAIL_DAYS)).unwrap_or(dates.end);
        let utc = ZoneSpan::new(Tz::UTC, &wide);
        let base = utc.day(wide.start).start;
        let length = usize::try_from(utc.day(wide.end).start - base).unwrap_or(0);
        let words = bits::words_for(length);
        let end = base.saturating_add(Step::try_from(words * 64).unwrap_or(Step::MAX));
        Self {
            dates,
            wide,
            base,
            words,
            instants: Slot { from: instant(base), to: instant(end) },
            zones: Vec::new(),
            staff: BTreeMap::new(),
            resources: BTreeMap::new(),
            grids: Vec::new(),
            overrides: BTreeMap::new(),
            weeks: Mutex::default(),
        }
    }

    /// All of the facts, each to be compiled when it is needed.
    pub(super) fn of(facts: &Facts<'_>, dates: Range<NaiveDate>) -> Self {
        let mut masks = Self::new(dates);
        for (id, service) in &facts.services {
            for staff_id in with_own_hours(service) {
                masks.overrides.entry(staff_id).or_default().insert(*id);
            }
        }
        facts.branches.values().for_each(|branch| masks.remember_zone(branch.zone));
        facts.services.values().for_each(|service| masks.remember_grid(service.rules.grid_min));
        facts.staff.keys().for_each(|id| masks.put_staff(facts, *id));
        facts.resources.keys().for_each(|id| masks.put_resource(facts, *id));
        masks
    }

    /// Memory that is held for bitstrings, in bytes; those that are shared count for each holder.
    pub(super) fn bytes(&self) -> usize {
        let grids = self.grids.iter().filter_map(|(.., words)| words.get());
        let staff = self.staff.values().flat_map(|it| {
            let open = it.open.iter().filter_map(|open| open.words.get()).map(|words| words.len());
            open.chain(it.taken.get().map(|taken| taken.solid.len() + taken.lapsing.len() * 16))
        });
        let resources = self.resources.values().map(|it| {
            let taken = |taken: &Counts| taken.solid.len() / 4 + taken.lapsing.len() * 16;
            it.open.get().map_or(0, Vec::len) + it.taken.get().map_or(0, taken)
        });
        (grids.map(Vec::len).sum::<usize>() + staff.sum::<usize>() + resources.sum::<usize>()) * 8
    }

    pub(super) fn dates(&self) -> &Range<NaiveDate> {
        &self.dates
    }

    /// The number of words of every bitstring.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// The bit of a step; before the beginning, the first.
    pub(super) fn bit(&self, step: Step) -> usize {
        usize::try_from(step - self.base).unwrap_or(0)
    }

    /// The bits of some steps.
    pub(super) fn bits(&self, steps: &Range<Step>) -> Range<usize> {
        self.bit(steps.start)..self.bit(steps.end)
    }

    /// The step of a bit.
    pub(super) fn step(&self, bit: usize) -> Step {
        self.base.saturating_add(Step::try_from(bit).unwrap_or(Step::MAX))
    }

    /// The zone's arithmetic over the dates.
    pub(super) fn zone(&self, tz: Tz) -> Cow<'_, ZoneSpan> {
        match self.zones.iter().find(|zone| zone.tz() == tz) {
            Some(zone) => Cow::Borrowed(zone),
            None => Cow::Owned(ZoneSpan::new(tz, &self.wide)),
        }
    }

    /// The starts that the wall clock allows.
    pub(super) fn grid(&self, tz: Tz, grid_min: u16) -> Cow<'_, [u64]> {
        let known = self.grids.iter().find(|(zone, min, _)| *zone == tz && *min == grid_min);
        match known {
            Some((.., words)) => Cow::Borrowed(words.get_or_init(|| self.grid_words(tz, grid_min))),
            None => Cow::Owned(self.grid_words(tz, grid_min)),
        }
    }

    /// Takes in a branch that is new or has changed: what was compiled by its hours is compiled anew.
    pub(super) fn put_branch(&mut self, facts: &Facts<'_>, branch_id: BranchId) {
        let Some(branch) = facts.branches.get(&branch_id) else { return };
        self.remember_zone(branch.zone);
        self.weeks.get_mut().unwrap_or_else(PoisonError::into_inner).retain(|it| it.0 != branch_id);
        let open = self.staff.values_mut().flat_map(|it| &mut it.open);
        for open in open.filter(|it| it.branch_id == branch_id) {
            open.words = OnceLock::new();
        }
        for resource in facts.resources.values().filter(|it| it.branch_id == branch_id) {
            self.resources.entry(resource.id).or_default().open = OnceLock::new();
        }
    }

    /// Takes in a staff member who is new or has changed; forgets who is not in the facts.
    pub(super) fn put_staff(&mut self, facts: &Facts<'_>, staff_id: StaffId) {
        let Some(staff) = facts.staff.get(&staff_id) else {
            self.staff.remove(&staff_id);
            return;
        };
        let services = || self.overrides.get(&staff_id).into_iter().flatten().copied().map(Some);
        let mut open = Vec::with_capacity(staff.branches.len());
        for branch_id in staff.branches.iter().copied() {
            for service_id in std::iter::once(None).chain(services()) {
                open.push(OpenAt { branch_id, service_id, words: OnceLock::new() });
            }
        }
        self.staff.entry(staff_id).or_default().open = open;
    }

    /// Takes in a service that is new or has changed, or forgets one that is not in the facts;
    /// `before` are those who did it in their own hours until now.
    pub(super) fn put_service(
        &mut self,
        facts: &Facts<'_>,
        service_id: ServiceId,
        before: Vec<StaffId>,
    ) {
        let service = facts.services.get(&service_id);
        let now: Vec<StaffId> = service.map(with_own_hours).unwrap_or_default();
        for staff_id in &before {
            if let Some(services) = self.overrides.get_mut(staff_id) {
                services.remove(&service_id);
            }
        }
        for staff_id in &now {
            self.overrides.entry(*staff_id).or_default().insert(service_id);
        }
        let touched: BTreeSet<StaffId> = before.into_iter().chain(now).collect();
        for staff_id in touched {
            self.put_staff(facts, staff_id);
        }
        if let Some(service) = service {
            self.remember_grid(service.rules.grid_min);
        }
    }

    /// Takes in a resource that is new or has changed; forgets what is not in the facts.
    pub(super) fn put_resource(&mut self, facts: &Facts<'_>, resource_id: ResourceId) {
        if facts.resources.contains_key(&resource_id) {
            self.resources.entry(resource_id).or_default().open = OnceLock::new();
        } else {
            self.resources.remove(&resource_id);
        }
    }

    /// Takes in that the claims of a calendar have changed.
    pub(super) fn put_claims(&mut self, calendar: CalendarId) {
        match calendar {
            CalendarId::Staff(id) => {
                if let Some(masks) = self.staff.get_mut(&id) {
                    masks.taken = OnceLock::new();
                }
            }
            CalendarId::Resource(id) => {
                if let Some(masks) = self.resources.get_mut(&id) {
                    masks.taken = OnceLock::new();
                }
            }
            // Daily places are counted from the claims themselves.
            CalendarId::Service(_) => (),
        }
    }

    /// When a staff member works at a branch, whatever the service; `None` when never.
    pub(super) fn general(
        &self,
        facts: &Facts<'_>,
        staff_id: StaffId,
        branch_id: BranchId,
    ) -> Option<&[u64]> {
        self.open_at(facts, staff_id, branch_id, None)
    }

    /// When a staff member can do a service at a branch; `None` when never.
    pub(super) fn open(
        &self,
        facts: &Facts<'_>,
        staff_id: StaffId,
        branch_id: BranchId,
        service_id: ServiceId,
    ) -> Option<&[u64]> {
        let special = self.open_at(facts, staff_id, branch_id, Some(service_id));
        special.or_else(|| self.general(facts, staff_id, branch_id))
    }

    fn open_at(
        &self,
        facts: &Facts<'_>,
        staff_id: StaffId,
        branch_id: BranchId,
        service_id: Option<ServiceId>,
    ) -> Option<&[u64]> {
        let (staff, branch) = (facts.staff.get(&staff_id)?, facts.branches.get(&branch_id)?);
        let is_it = |it: &&OpenAt| it.branch_id == branch_id && it.service_id == service_id;
        let open = self.staff.get(&staff_id)?.open.iter().find(is_it)?;
        let special = service_id.and_then(|id| {
            facts.services.get(&id)?.assignments.get(&staff_id)?.availability_override.as_ref()
        });
        Some(open.words.get_or_init(|| self.open_words(branch, staff, special)))
    }

    /// When somebody works at a branch: a week, which others may work too, and the dates that differ.
    fn open_words(
        &self,
        branch: &BranchFacts<'_>,
        staff: &StaffFacts<'_>,
        special: Option<&WeeklyHours>,
    ) -> Words {
        let week = self.week_words(branch, staff_week(branch, staff, special));
        let mut differing =
            staff.exceptions.keys().filter(|date| self.wide.contains(date)).peekable();
        if differing.peek().is_none() {
            return week;
        }
        let mut words = week.to_vec();
        let zone = self.zone(branch.zone);
        for date in differing {
            bits::clear(&mut words, &self.bits(&zone.day(*date)));
            for steps in staff_rules(branch, staff, special, *date).open(&zone, *date) {
                bits::set(&mut words, &self.bits(&steps));
            }
        }
        words.into()
    }

    fn week_words(&self, branch: &BranchFacts<'_>, week: &WeeklyHours) -> Words {
        let known = |weeks: &[Week]| {
            let is_it = |it: &&Week| it.0 == branch.id && it.1 == *week;
            weeks.iter().find(is_it).map(|it| Arc::clone(&it.2))
        };
        if let Some(words) = known(&self.weeks.lock().unwrap_or_else(PoisonError::into_inner)) {
            return words;
        }
        let zone = self.zone(branch.zone);
        let mut words = vec![0; self.words];
        for date in self.all_dates() {
            for steps in week_rules(branch, week, date).open(&zone, date) {
                bits::set(&mut words, &self.bits(&steps));
            }
        }
        let words: Words = words.into();
        let mut weeks = self.weeks.lock().unwrap_or_else(PoisonError::into_inner);
        if weeks.len() == MAX_WEEKS {
            weeks.clear();
        }
        weeks.push((branch.id, week.clone(), Arc::clone(&words)));
        words
    }

    /// When a resource can be used, claims aside; `None` when never.
    pub(super) fn resource_open(
        &self,
        facts: &Facts<'_>,
        resource_id: ResourceId,
    ) -> Option<&[u64]> {
        let resource = facts.resources.get(&resource_id)?;
        let branch = facts.branches.get(&resource.branch_id)?;
        let open = self.resources.get(&resource_id)?.open.get_or_init(|| {
            let zone = self.zone(branch.zone);
            let mut open = vec![0; self.words];
            for date in self.all_dates() {
                for steps in resource_rules(branch, resource, date).open(&zone, date) {
                    bits::set(&mut open, &self.bits(&steps));
                }
            }
            open
        });
        Some(open)
    }

    fn grid_words(&self, tz: Tz, grid_min: u16) -> Vec<u64> {
        let mut words = vec![0; self.words];
        let to = self.step(self.words * 64);
        for step in self.zone(tz).on_grid(&(self.base..to), grid_min) {
            let bit = self.bit(step);
            words[bit / 64] |= 1 << (bit % 64);
        }
        words
    }

    /// A zone is looked up once for all dates, and begins its starts with every grid that is known.
    pub(super) fn remember_zone(&mut self, tz: Tz) {
        if !self.zones.iter().any(|zone| zone.tz() == tz) {
            self.zones.push(ZoneSpan::new(tz, &self.wide));
            let grids: BTreeSet<u16> =
                self.grids.iter().map(|(_, grid_min, _)| *grid_min).collect();
            self.grids.extend(grids.into_iter().map(|grid_min| (tz, grid_min, OnceLock::new())));
        }
    }

    fn remember_grid(&mut self, grid_min: u16) {
        for zone in &self.zones {
            let is_it = |it: &(Tz, u16, OnceLock<Vec<u64>>)| it.0 == zone.tz() && it.1 == grid_min;
            if !self.grids.iter().any(is_it) {
                self.grids.push((zone.tz(), grid_min, OnceLock::new()));
            }
        }
    }

    fn all_dates(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let end = self.wide.end;
        self.wide.start.iter_days().take_while(move |date| *date < end)
    }
}

/// The staff whose assignment to a service has its own hours.
pub(super) fn with_own_hours(service: &ServiceFacts<'_>) -> Vec<StaffId> {
    let assignments = service.assignments.iter();
    let own = assignments.filter(|(_, it)| it.availability_override.is_some());
    own.map(|(id, _)| *id).collect()
}
