//! Places a request at one start: who does which phase, with which resource.
//!
//! Order of choice. For the first phase: the primary staff member, then whoever is least busy that
//! day, then by id. For a phase that others may do: the same staff member, then the same order.
//! Buffers stand around each run of phases that one staff member does without another in between.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use chrono::NaiveDate;

use super::{
    bits,
    facts::{Facts, ResourceFacts},
    limits,
    masks::Masks,
    plan::{Candidate, Plan, PlannedPhase},
    request::{PlacedPhase, PlacedResource, Placement, Request},
    zone_day::{Step, ZoneSpan, instant},
};
use crate::{
    ids::{ResourceId, ServiceId, StaffId},
    slot::Slot,
};

/// Everything that is looked at for the starts of one plan.
pub(super) struct Placer<'v> {
    pub(super) facts: &'v Facts<'v>,
    pub(super) masks: &'v Masks,
    pub(super) plan: &'v Plan<'v>,
    pub(super) request: &'v Request,
    pub(super) zone: Cow<'v, ZoneSpan>,
    /// The bitstrings of each phase's candidates, by phase and seat.
    views: Vec<Vec<StaffView<'v>>>,
    taken: Vec<Cow<'v, [u64]>>,
    /// Where too few units are free, by resource and units.
    full: BTreeMap<(ResourceId, u16), Vec<u64>>,
    /// The dates on which a staff member's places for a service are used up.
    used_up: BTreeMap<(ServiceId, StaffId), Vec<NaiveDate>>,
}

/// Where the bitstrings of a candidate are.
#[derive(Clone, Copy)]
struct StaffView<'v> {
    open: &'v [u64],
    taken: usize,
}

/// A phase that was given a time and a staff member.
#[derive(Clone, Copy)]
struct Chosen<'v> {
    at: Step,
    candidate: &'v Candidate<'v>,
}

impl<'v> Placer<'v> {
    pub(super) fn new(
        facts: &'v Facts<'v>,
        masks: &'v Masks,
        plan: &'v Plan<'v>,
        request: &'v Request,
    ) -> Self {
        let zone = masks.zone(plan.branch.zone);
        let mut placer = Self {
            facts,
            masks,
            plan,
            request,
            zone,
            views: Vec::with_capacity(plan.phases.len()),
            taken: Vec::new(),
            full: BTreeMap::new(),
            used_up: BTreeMap::new(),
        };
        let (now, ignoring) = (request.now, request.ignoring);
        for phase in &plan.phases {
            let mut views = Vec::with_capacity(phase.candidates.len());
            for candidate in &phase.candidates {
                let id = candidate.staff.id;
                let open = masks.open(facts, id, plan.branch.id, phase.service.id);
                let known = earlier_seat(plan, phase.index, id);
                let known = known.map(|(phase, seat)| placer.views[phase][seat].taken);
                let taken = known.unwrap_or(placer.taken.len());
                if known.is_none() {
                    placer.taken.push(masks.taken(facts, id, now, ignoring));
                }
                views.push(StaffView { open: open.unwrap_or(&[]), taken });
                placer.note_used_up(phase, id);
            }
            placer.views.push(views);
            let units = phase.units();
            for resource in &phase.resources {
                let full = || masks.full(facts, resource.id, units, now, ignoring);
                placer.full.entry((resource.id, units)).or_insert_with(full);
            }
        }
        placer
    }

    fn note_used_up(&mut self, phase: &PlannedPhase<'_>, staff_id: StaffId) {
        let service = phase.service;
        let Some(limit) = service.rules.limits.per_staff_per_day else { return };
        let (facts, request, zone) = (self.facts, self.request, &self.zone);
        self.used_up.entry((service.id, staff_id)).or_insert_with(|| {
            let used = limits::used_by_staff(facts, request, zone, service.id, staff_id);
            let full = used.into_iter().filter(|(_, used)| usize::from(limit) <= *used);
            full.map(|(date, _)| date).collect()
        });
    }

    /// The dates on which a staff member's places for a service are used up; every date, where the
    /// limit is zero, is the caller's to see.
    pub(super) fn used_up(&self, service_id: ServiceId, staff_id: StaffId) -> &[NaiveDate] {
        self.used_up.get(&(service_id, staff_id)).map_or(&[], Vec::as_slice)
    }

    /// What is taken of a candidate's time.
    pub(super) fn taken(&self, phase: usize, candidate: &Candidate<'_>) -> &[u64] {
        &self.taken[self.views[phase][candidate.seat].taken]
    }

    /// When the candidate can do the phase's service at the branch.
    pub(super) fn open(&self, phase: usize, candidate: &Candidate<'_>) -> &'v [u64] {
        self.views[phase][candidate.seat].open
    }

    /// Where too few units of a resource are free for the phase.
    pub(super) fn full(&self, phase: &PlannedPhase<'_>, resource_id: ResourceId) -> &[u64] {
        self.full.get(&(resource_id, phase.units())).map_or(&[], Vec::as_slice)
    }

    /// Where the request fits when it begins at `start`, if it does.
    pub(super) fn place(&self, start: Step) -> Option<Placement> {
        let first = self.plan.phases.first()?;
        let mains = first.candidates.iter().filter(|it| {
            self.is_fit(0, it, start) && self.is_free(0, it, start - it.times.before..start)
        });
        let day = self.masks.bits(&self.zone.day(self.zone.date(start)));
        for main in self.in_order(0, mains, &day) {
            let mut chosen = vec![Chosen { at: start, candidate: main }];
            if self.place_rest(&day, &mut chosen, &mut Vec::new()) {
                return Some(self.placement(start, &chosen));
            }
        }
        None
    }

    /// Gives the phases after the chosen ones a staff member each; `failed` are the phase, time and
    /// staff member from which it is known not to work.
    fn place_rest(
        &self,
        day: &Range<usize>,
        chosen: &mut Vec<Chosen<'v>>,
        failed: &mut Vec<(usize, Step, StaffId)>,
    ) -> bool {
        let (Some(&main), Some(&last)) = (chosen.first(), chosen.last()) else { return false };
        let after = last.at + last.candidate.times.staff;
        let index = chosen.len();
        let can_part =
            self.is_free(index - 1, last.candidate, after..after + last.candidate.times.after);
        let Some(phase) = self.plan.phases.get(index) else { return can_part };
        let at = last.at + last.candidate.times.span;
        let options = phase.candidates.iter().filter(|it| {
            let is_main = it.staff.id == main.candidate.staff.id;
            let stays = it.staff.id == last.candidate.staff.id;
            let buffers = stays || (can_part && self.is_free(index, it, at - it.times.before..at));
            (is_main || phase.is_free) && buffers && self.is_fit(index, it, at)
        });
        let mut options = self.in_order(index, options, day);
        options.sort_by_key(|it| it.staff.id != main.candidate.staff.id);
        for candidate in options {
            let key = (index, at, candidate.staff.id);
            if failed.contains(&key) {
                continue;
            }
            chosen.push(Chosen { at, candidate });
            if self.place_rest(day, chosen, failed) {
                return true;
            }
            chosen.pop();
            failed.push(key);
        }
        false
    }

    /// Whether a staff member can do a phase at a step, buffers aside.
    fn is_fit(&self, index: usize, candidate: &Candidate<'_>, at: Step) -> bool {
        let phase = &self.plan.phases[index];
        let staff_id = candidate.staff.id;
        let busy = at..at + candidate.times.staff;
        bits::all(self.open(index, candidate), &self.masks.bits(&busy))
            && self.is_free(index, candidate, busy)
            && !self.is_used_up(phase, staff_id, at)
            && (phase.template.resource.is_none()
                || self.resource(phase, at..at + candidate.times.span).is_some())
    }

    /// Whether a staff member's places for the phase's service are used up on the date of a step.
    pub(super) fn is_used_up(&self, phase: &PlannedPhase<'_>, staff: StaffId, at: Step) -> bool {
        phase.service.rules.limits.per_staff_per_day.is_some_and(|limit| {
            limit == 0 || self.used_up(phase.service.id, staff).contains(&self.zone.date(at))
        })
    }

    fn is_free(&self, phase: usize, candidate: &Candidate<'_>, steps: Range<Step>) -> bool {
        !bits::any(self.taken(phase, candidate), &self.masks.bits(&steps))
    }

    /// The first resource that is open and has the units free.
    pub(super) fn resource<'p>(
        &self,
        phase: &PlannedPhase<'p>,
        steps: Range<Step>,
    ) -> Option<&'p ResourceFacts<'p>> {
        let range = self.masks.bits(&steps);
        phase.resources.iter().copied().find(|resource| {
            self.is_open(resource.id, &steps) && !bits::any(self.full(phase, resource.id), &range)
        })
    }

    /// Whether a resource can be used at all of some steps, claims aside.
    pub(super) fn is_open(&self, resource_id: ResourceId, steps: &Range<Step>) -> bool {
        let open = self.masks.resource_open(self.facts, resource_id);
        open.is_some_and(|open| bits::all(open, &self.masks.bits(steps)))
    }

    fn in_order(
        &self,
        phase: usize,
        candidates: impl Iterator<Item = &'v Candidate<'v>>,
        day: &Range<usize>,
    ) -> Vec<&'v Candidate<'v>> {
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort_by_cached_key(|it| {
            let busy = bits::count(self.taken(phase, it), day);
            (!it.assignment.is_primary, busy, it.staff.id)
        });
        candidates
    }

    fn placement(&self, start: Step, chosen: &[Chosen<'v>]) -> Placement {
        let mut phases: Vec<PlacedPhase> = Vec::with_capacity(chosen.len());
        let staff_at = |index: usize| chosen.get(index).map(|it| it.candidate.staff.id);
        for (index, Chosen { at, candidate }) in chosen.iter().enumerate() {
            let (phase, times) = (&self.plan.phases[index], candidate.times);
            let staff_id = candidate.staff.id;
            let begins = index.checked_sub(1).and_then(staff_at) != Some(staff_id);
            let ends = staff_at(index + 1) != Some(staff_id);
            let before = if begins { times.before } else { 0 };
            let after = if ends { times.after } else { 0 };
            let slot = slot(at - before..at + times.staff + after);
            let blocked = trim(&mut phases, staff_id, slot);
            let span = *at..at + times.span;
            phases.push(PlacedPhase {
                item: phase.item,
                service_id: phase.service.id,
                key: phase.template.key.clone(),
                staff_id,
                resource: self.resource(phase, span.clone()).map(|resource| PlacedResource {
                    resource_id: resource.id,
                    units: phase.units(),
                    slot: self::slot(span),
                }),
                active: self::slot(*at..at + times.active),
                staff: self::slot(*at..at + times.staff),
                client: self::slot(*at..at + times.client),
                blocked,
            });
        }
        let ends_at = phases.iter().map(|phase| phase.client.to).max();
        Placement {
            branch_id: self.plan.branch.id,
            starts_at: instant(start),
            ends_at: ends_at.unwrap_or_else(|| instant(start)),
            phases,
        }
    }
}

/// An earlier phase that has the staff member among its candidates, and the seat there.
fn earlier_seat(plan: &Plan<'_>, phase: usize, staff_id: StaffId) -> Option<(usize, usize)> {
    let earlier = plan.phases[..phase].iter();
    let mut seats = earlier.map(|it| (it.index, it.candidate(staff_id)));
    seats.find_map(|(index, candidate)| Some((index, candidate?.seat)))
}

/// The blocked slots of one appointment must not overlap on one calendar: a staff member who comes
/// back after another one has a buffer on both sides of the pause, which may be shorter than both.
fn trim(phases: &mut [PlacedPhase], staff_id: StaffId, slot: Slot) -> Slot {
    let Some(last) = phases.iter_mut().rev().find(|phase| phase.staff_id == staff_id) else {
        return slot;
    };
    let from = slot.from.max(last.staff.to);
    last.blocked.to = last.blocked.to.min(from);
    Slot { from, to: slot.to }
}

pub(super) fn slot(steps: Range<Step>) -> Slot {
    Slot { from: instant(steps.start), to: instant(steps.end) }
}

impl PlannedPhase<'_> {
    /// Units of a resource that it needs.
    pub(super) fn units(&self) -> u16 {
        self.template.resource.as_ref().map_or(0, |need| need.units.max(1))
    }
}
