//! Hours and claims as bitstrings over a range of dates.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{
    bits,
    facts::{BranchFacts, Busy, Facts, StaffFacts},
    open::{resource_rules, staff_rules, staff_week, week_rules},
    request::Ignoring,
    zone_day::{Step, ZoneSpan, instant, step_down, step_up},
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
const MOST_WEEKS: usize = 64;
/// Days compiled after the last date: an appointment may end on a later one.
const TAIL_DAYS: u64 = 2;

/// The bitstrings of all calendars over a range of dates. They begin at the same step.
#[derive(Debug)]
pub(super) struct Masks {
    dates: Range<NaiveDate>,
    wide: Range<NaiveDate>,
    base: Step,
    words: usize,
    instants: Slot,
    zones: Vec<ZoneSpan>,
    pub(super) staff: BTreeMap<StaffId, StaffMasks>,
    pub(super) resources: BTreeMap<ResourceId, ResourceMasks>,
    grids: Vec<(Tz, u16, Vec<u64>)>,
    /// Weeks that were compiled for a branch: many people work the same ones.
    weeks: Vec<(BranchId, WeeklyHours, Vec<u64>)>,
}

/// A staff member's bitstrings.
#[derive(Debug, Default)]
pub(super) struct StaffMasks {
    open: Vec<OpenAt>,
    pub(super) taken: Taken,
}

/// When a staff member works at a branch; for one service, where its assignment overrides the hours.
#[derive(Debug)]
struct OpenAt {
    branch_id: BranchId,
    service_id: Option<ServiceId>,
    words: Vec<u64>,
}

/// A resource's bitstring, and the units that are taken at each step.
#[derive(Debug, Default)]
pub(super) struct ResourceMasks {
    pub(super) open: Vec<u64>,
    counts: Vec<u16>,
    lapsing: Vec<Busy>,
}

/// What is taken of one place at a time. Claims that lapse are kept apart, so that they do so
/// without anybody telling the grid.
#[derive(Debug, Default)]
pub(super) struct Taken {
    solid: Vec<u64>,
    lapsing: Vec<Busy>,
}

impl StaffMasks {
    /// When the staff member works at a branch, whatever the service; `None` when never.
    pub(super) fn general(&self, branch_id: BranchId) -> Option<&[u64]> {
        let general = |it: &&OpenAt| it.branch_id == branch_id && it.service_id.is_none();
        self.open.iter().find(general).map(|it| it.words.as_slice())
    }

    /// When the staff member can do a service at a branch; `None` when never.
    pub(super) fn open(&self, branch_id: BranchId, service_id: ServiceId) -> Option<&[u64]> {
        let special = |it: &&OpenAt| it.branch_id == branch_id && it.service_id == Some(service_id);
        let general = |it: &&OpenAt| it.branch_id == branch_id && it.service_id.is_none();
        let found = self.open.iter().find(special).or_else(|| self.open.iter().find(general));
        found.map(|it| it.words.as_slice())
    }
}

impl Masks {
    /// Nothing compiled yet, for `dates`.
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
            weeks: Vec::new(),
        }
    }

    /// Everything of the facts, compiled.
    pub(super) fn of(facts: &Facts<'_>, dates: Range<NaiveDate>) -> Self {
        let mut masks = Self::new(dates);
        facts.staff.keys().for_each(|id| masks.compile_staff(facts, *id));
        facts.resources.keys().for_each(|id| masks.compile_resource(facts, *id));
        masks.compile_grids(facts);
        masks
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
            Some((_, _, words)) => Cow::Borrowed(words),
            None => Cow::Owned(self.grid_words(tz, grid_min)),
        }
    }

    /// Compiles the grids of all services in the zones of all branches.
    pub(super) fn compile_grids(&mut self, facts: &Facts<'_>) {
        self.grids.clear();
        for branch in facts.branches.values() {
            self.remember_zone(branch.zone);
            for service in facts.services.values() {
                let (tz, grid_min) = (branch.zone, service.rules.grid_min);
                if !self.grids.iter().any(|(zone, min, _)| *zone == tz && *min == grid_min) {
                    self.grids.push((tz, grid_min, self.grid_words(tz, grid_min)));
                }
            }
        }
    }

    /// Compiles the hours and claims of a staff member anew; forgets who is not in the facts.
    pub(super) fn compile_staff(&mut self, facts: &Facts<'_>, staff_id: StaffId) {
        let Some(staff) = facts.staff.get(&staff_id) else {
            self.staff.remove(&staff_id);
            return;
        };
        let mut open = Vec::new();
        for branch in staff.branches.iter().filter_map(|id| facts.branches.get(id)) {
            let mut compile = |service_id, special| {
                let words = self.open_words(branch, staff, special);
                open.push(OpenAt { branch_id: branch.id, service_id, words });
            };
            compile(None, None);
            for service in facts.services.values() {
                let assignment = service.assignments.get(&staff_id);
                if let Some(special) = assignment.and_then(|it| it.availability_override.as_ref()) {
                    compile(Some(service.id), Some(special));
                }
            }
        }
        let taken = self.taken_of(facts.busy(CalendarId::Staff(staff_id)).iter());
        self.staff.insert(staff_id, StaffMasks { open, taken });
    }

    /// When somebody works at a branch: a week, which others may work too, and the dates that differ.
    fn open_words(
        &mut self,
        branch: &BranchFacts<'_>,
        staff: &StaffFacts<'_>,
        special: Option<&WeeklyHours>,
    ) -> Vec<u64> {
        let mut words = self.week_words(branch, staff_week(branch, staff, special)).to_vec();
        let zone = self.zone(branch.zone);
        for date in staff.exceptions.keys().filter(|date| self.wide.contains(date)) {
            bits::clear(&mut words, &self.bits(&zone.day(*date)));
            for steps in staff_rules(branch, staff, special, *date).open(&zone, *date) {
                bits::set(&mut words, &self.bits(&steps));
            }
        }
        words
    }

    fn week_words(&mut self, branch: &BranchFacts<'_>, week: &WeeklyHours) -> &[u64] {
        let is_it =
            |known: &(BranchId, WeeklyHours, Vec<u64>)| known.0 == branch.id && known.1 == *week;
        let index = if let Some(index) = self.weeks.iter().position(is_it) {
            index
        } else {
            self.remember_zone(branch.zone);
            let zone = self.zone(branch.zone);
            let mut words = vec![0; self.words];
            for date in self.all_dates() {
                for steps in week_rules(branch, week, date).open(&zone, date) {
                    bits::set(&mut words, &self.bits(&steps));
                }
            }
            if self.weeks.len() == MOST_WEEKS {
                self.weeks.clear();
            }
            self.weeks.push((branch.id, week.clone(), words));
            self.weeks.len() - 1
        };
        &self.weeks[index].2
    }

    /// Compiles the hours and claims of a resource anew; forgets what is not in the facts.
    pub(super) fn compile_resource(&mut self, facts: &Facts<'_>, resource_id: ResourceId) {
        let resource = facts.resources.get(&resource_id);
        let branch = resource.and_then(|it| facts.branches.get(&it.branch_id));
        let (Some(resource), Some(branch)) = (resource, branch) else {
            self.resources.remove(&resource_id);
            return;
        };
        self.remember_zone(branch.zone);
        let zone = self.zone(branch.zone);
        let mut open = vec![0; self.words];
        for date in self.all_dates() {
            for steps in resource_rules(branch, resource, date).open(&zone, date) {
                bits::set(&mut open, &self.bits(&steps));
            }
        }
        self.resources.insert(resource_id, ResourceMasks { open, ..ResourceMasks::default() });
        self.compile_claims(facts, CalendarId::Resource(resource_id));
    }

    /// Compiles the claims of a calendar anew.
    pub(super) fn compile_claims(&mut self, facts: &Facts<'_>, calendar: CalendarId) {
        let claims = facts.busy(calendar);
        match calendar {
            CalendarId::Staff(id) => {
                let taken = self.taken_of(claims.iter());
                if let Some(masks) = self.staff.get_mut(&id) {
                    masks.taken = taken;
                }
            }
            CalendarId::Resource(id) => {
                let counts = self.counts_of(claims.iter().filter(|it| it.expires_at.is_none()));
                let lapsing = claims.iter().filter(|it| it.expires_at.is_some());
                if let Some(masks) = self.resources.get_mut(&id) {
                    masks.counts = counts;
                    masks.lapsing = lapsing.copied().collect();
                }
            }
            // Daily places are counted from the claims themselves.
            CalendarId::Service(_) => (),
        }
    }

    /// What is taken of a staff member's time at an instant.
    pub(super) fn taken<'m>(
        &'m self,
        facts: &Facts<'_>,
        masks: Option<&'m StaffMasks>,
        staff_id: StaffId,
        now: DateTime<Utc>,
        ignoring: Ignoring,
    ) -> Cow<'m, [u64]> {
        let Some(masks) = masks else {
            return Cow::Owned(vec![u64::MAX; self.words]);
        };
        if ignoring != Ignoring::default() {
            let claims = facts.busy(CalendarId::Staff(staff_id)).iter();
            let counted = claims.filter(|it| counts(it, now, ignoring));
            let mut words = vec![0; self.words];
            counted.for_each(|it| bits::set(&mut words, &self.bits_of(it)));
            return Cow::Owned(words);
        }
        let mut live = masks.taken.lapsing.iter().filter(|it| it.is_live(now)).peekable();
        if live.peek().is_none() {
            return Cow::Borrowed(&masks.taken.solid);
        }
        let mut words = masks.taken.solid.clone();
        live.for_each(|it| bits::set(&mut words, &self.bits_of(it)));
        Cow::Owned(words)
    }

    /// Where so many units of a resource are not free at an instant.
    pub(super) fn full(
        &self,
        facts: &Facts<'_>,
        resource_id: ResourceId,
        units: u16,
        now: DateTime<Utc>,
        ignoring: Ignoring,
    ) -> Vec<u64> {
        let masks = self.resources.get(&resource_id);
        let resource = facts.resources.get(&resource_id);
        let (Some(masks), Some(resource)) = (masks, resource) else {
            return vec![u64::MAX; self.words];
        };
        let Some(spare) = resource.capacity.checked_sub(units) else {
            return vec![u64::MAX; self.words];
        };
        let taken = if ignoring == Ignoring::default() {
            let mut taken = Cow::Borrowed(&masks.counts);
            for claim in masks.lapsing.iter().filter(|it| it.is_live(now)) {
                self.add(taken.to_mut(), claim);
            }
            taken
        } else {
            let claims = facts.busy(CalendarId::Resource(resource_id)).iter();
            Cow::Owned(self.counts_of(claims.filter(|it| counts(it, now, ignoring))))
        };
        let word = |chunk: &[u16]| {
            chunk.iter().rev().fold(0, |word, taken| word << 1 | u64::from(spare < *taken))
        };
        taken.chunks(64).map(word).collect()
    }

    /// The bits that a claim touches, however little.
    fn bits_of(&self, claim: &Busy) -> Range<usize> {
        self.bits(&(step_down(claim.slot.from)..step_up(claim.slot.to)))
    }

    /// Whether a claim lies in the dates at all; most of a long list do not.
    fn touches(&self, claim: &Busy) -> bool {
        claim.slot.from < self.instants.to && self.instants.from < claim.slot.to
    }

    fn taken_of<'b>(&self, claims: impl Iterator<Item = &'b Busy>) -> Taken {
        let mut taken = Taken { solid: vec![0; self.words], lapsing: Vec::new() };
        for claim in claims.filter(|it| self.touches(it)) {
            if claim.expires_at.is_some() {
                taken.lapsing.push(*claim);
            } else {
                bits::set(&mut taken.solid, &self.bits_of(claim));
            }
        }
        taken
    }

    fn counts_of<'b>(&self, claims: impl Iterator<Item = &'b Busy>) -> Vec<u16> {
        let mut counts = vec![0; self.words * 64];
        claims.filter(|it| self.touches(it)).for_each(|claim| self.add(&mut counts, claim));
        counts
    }

    fn add(&self, counts: &mut [u16], claim: &Busy) {
        let bits = self.bits_of(claim);
        let to = bits.end.min(counts.len());
        for taken in &mut counts[bits.start.min(to)..to] {
            *taken = taken.saturating_add(claim.units);
        }
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

    fn remember_zone(&mut self, tz: Tz) {
        if !self.zones.iter().any(|zone| zone.tz() == tz) {
            self.zones.push(ZoneSpan::new(tz, &self.wide));
        }
    }

    fn all_dates(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let end = self.wide.end;
        self.wide.start.iter_days().take_while(move |date| *date < end)
    }
}

/// Whether a claim counts at an instant.
pub(super) fn counts(claim: &Busy, now: DateTime<Utc>, ignoring: Ignoring) -> bool {
    let is_ignored = (claim.appointment_id.is_some()
        && claim.appointment_id == ignoring.appointment_id)
        || (claim.hold_id.is_some() && claim.hold_id == ignoring.hold_id);
    !is_ignored && claim.is_live(now)
}
