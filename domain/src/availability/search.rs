//! Finds every start of a window at once, on bitstrings.
//!
//! For a plan that one staff member does alone, the starts are those where every phase fits at its
//! offset. Where phases may go to others, the plan is walked backwards: where can phase `k` begin with
//! this staff member, so that all later phases fit with somebody.

use std::ops::Range;

use super::{
    bits, limits,
    place::Placer,
    plan::{Candidate, PlannedPhase},
    zone_day::Step,
};

/// The words of the bitstrings that a search works on.
struct Sweep<'s, 'v> {
    placer: &'s Placer<'v>,
    words: Range<usize>,
}

/// The starts in `window` of the placer's plan, as bits of its masks from the returned word on.
pub(super) fn starts(placer: &Placer<'_>, window: &Range<Step>) -> (usize, Vec<u64>) {
    let (plan, masks) = (placer.plan, placer.masks);
    let bits = masks.bits(window);
    let last = usize::try_from(plan.reach()).unwrap_or(0) + bits.end;
    let first = bits.start.saturating_sub(usize::try_from(plan.lead()).unwrap_or(0));
    let words = first / 64..bits::words_for(last).min(masks.words());
    if words.is_empty() || bits.is_empty() {
        return (words.start, Vec::new());
    }
    let sweep = Sweep { placer, words: words.clone() };
    let mut found = sweep.union();
    let shift = words.start * 64;
    bits::keep_range(&mut found, &(bits.start - shift..bits.end - shift));
    let grid = masks.grid(plan.branch.zone, plan.grid_min);
    bits::and(&mut found, &grid[words.clone()]);
    for service in &plan.services {
        let Some(limit) = service.rules.limits.per_day else { continue };
        if limit == 0 {
            found.fill(0);
        }
        let zone = &placer.zone;
        let used = limits::used_of_service(placer.facts, placer.request, zone, service.id);
        for (date, _) in used.into_iter().filter(|(_, used)| usize::from(limit) <= *used) {
            sweep.clear_date(&mut found, date);
        }
    }
    (words.start, found)
}

impl<'v> Sweep<'_, 'v> {
    fn union(&self) -> Vec<u64> {
        let plan = self.placer.plan;
        let mut found = vec![0; self.words.len()];
        let mut one = vec![0; self.words.len()];
        let mut scratch = vec![0; self.words.len()];
        let may_change = plan.phases.iter().any(|phase| phase.is_free);
        for main in plan.phases.first().map_or(&[][..], |phase| phase.candidates.as_slice()) {
            if may_change {
                self.with_others(main, &mut one);
                bits::or(&mut found, &one);
            } else if self.alone(main, &mut one, &mut scratch) {
                bits::or(&mut found, &one);
            }
        }
        found
    }

    /// The starts at which one staff member does everything; false when they cannot.
    fn alone(&self, main: &Candidate<'_>, one: &mut [u64], scratch: &mut [u64]) -> bool {
        let plan = self.placer.plan;
        let mut offset = 0;
        let mut last = main;
        for (index, phase) in plan.phases.iter().enumerate() {
            let Some(candidate) = phase.candidate(main.staff.id) else { return false };
            if index == 0 {
                self.fit(phase, candidate, one);
            } else {
                self.fit(phase, candidate, scratch);
                bits::and_later(one, scratch, offset);
            }
            last = candidate;
            offset += width(candidate.times.span);
        }
        let end = offset - width(last.times.span);
        if 0 < last.times.after {
            self.free(plan.phases.len() - 1, last, last.times.after, scratch);
            bits::and_later(one, scratch, end + width(last.times.staff));
        }
        if 0 < main.times.before {
            self.free(0, main, main.times.before, scratch);
            bits::and_earlier(one, scratch, width(main.times.before));
        }
        true
    }

    /// The starts at which a staff member does the first phase and somebody each later one.
    fn with_others(&self, main: &Candidate<'_>, one: &mut [u64]) {
        let plan = self.placer.plan;
        // Where the phases from `index + 1` on fit: with each staff member who goes on, and with anybody
        // who takes over.
        let mut going_on: Vec<(&Candidate<'_>, Vec<u64>)> = Vec::new();
        let mut taking_over: Vec<u64> = Vec::new();
        for (index, phase) in plan.phases.iter().enumerate().rev() {
            let is_last = index + 1 == plan.phases.len();
            let mut here: Vec<(&Candidate<'_>, Vec<u64>)> = Vec::new();
            let mut anybody = vec![0; self.words.len()];
            for candidate in &phase.candidates {
                if candidate.staff.id != main.staff.id && !phase.is_free {
                    continue;
                }
                let mut starts = vec![0; self.words.len()];
                self.fit(phase, candidate, &mut starts);
                let mut scratch = vec![0; self.words.len()];
                let times = candidate.times;
                // Parting from this staff member: the buffer afterwards, then somebody else.
                let mut next = vec![u64::MAX; self.words.len()];
                if 0 < times.after {
                    self.free(index, candidate, times.after, &mut scratch);
                    bits::and_later(&mut next, &scratch, width(times.staff));
                }
                if !is_last {
                    bits::and_later(&mut next, &taking_over, width(times.span));
                    let same = going_on.iter().find(|(it, _)| it.staff.id == candidate.staff.id);
                    if let Some((_, same)) = same {
                        scratch.fill(u64::MAX);
                        bits::and_later(&mut scratch, same, width(times.span));
                        bits::or(&mut next, &scratch);
                    }
                }
                bits::and(&mut starts, &next);
                let mut coming = starts.clone();
                if 0 < times.before {
                    self.free(index, candidate, times.before, &mut scratch);
                    bits::and_earlier(&mut coming, &scratch, width(times.before));
                }
                bits::or(&mut anybody, &coming);
                here.push((candidate, starts));
            }
            going_on = here;
            taking_over = anybody;
        }
        // Only the main staff member is fit for the first phase here, whoever else its candidates are.
        one.copy_from_slice(&taking_over);
    }

    /// Where a staff member can begin a phase, buffers aside.
    fn fit(&self, phase: &PlannedPhase<'v>, candidate: &Candidate<'_>, into: &mut [u64]) {
        let staff_id = candidate.staff.id;
        let open = self.placer.open(phase.index, candidate);
        let taken = self.placer.taken(phase.index, candidate);
        let (Some(open), Some(taken)) =
            (open.get(self.words.clone()), taken.get(self.words.clone()))
        else {
            into.fill(0);
            return;
        };
        bits::free_runs(into, open, taken, width(candidate.times.staff));
        if phase.template.resource.is_some() {
            bits::and(into, &self.resource_fit(phase, candidate.times.span));
        }
        if phase.service.rules.limits.per_staff_per_day == Some(0) {
            into.fill(0);
        }
        for date in self.placer.used_up(phase.service.id, staff_id) {
            self.clear_date(into, *date);
        }
    }

    /// Where so many steps from here on are not taken.
    fn free(&self, phase: usize, candidate: &Candidate<'_>, length: Step, into: &mut [u64]) {
        let taken = self.placer.taken(phase, candidate).get(self.words.clone()).unwrap_or(&[]);
        for (into, taken) in into.iter_mut().zip(taken) {
            *into = !taken;
        }
        bits::keep_runs(into, width(length));
    }

    /// Where any one resource is open and has the units free for so many steps.
    fn resource_fit(&self, phase: &PlannedPhase<'v>, length: Step) -> Vec<u64> {
        let mut any = vec![0; self.words.len()];
        for resource in &phase.resources {
            let open = self.placer.masks.resource_open(self.placer.facts, resource.id);
            let Some(open) = open else { continue };
            let mut free = open[self.words.clone()].to_vec();
            bits::and_not(&mut free, &self.placer.full(phase, resource.id)[self.words.clone()]);
            bits::keep_runs(&mut free, width(length));
            bits::or(&mut any, &free);
        }
        any
    }

    fn clear_date(&self, words: &mut [u64], date: chrono::NaiveDate) {
        let bits = self.placer.masks.bits(&self.placer.zone.day(date));
        let shift = self.words.start * 64;
        bits::clear(words, &(bits.start.saturating_sub(shift)..bits.end.saturating_sub(shift)));
    }
}

fn width(steps: Step) -> usize {
    usize::try_from(steps).unwrap_or(0)
}
