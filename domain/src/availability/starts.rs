//! Which starts a service has: multiples of its grid, and others that let more appointments fit.
//!
//! The grid counts from midnight, or anew from the beginning of each stretch of hours of a local date: that
//! of whoever does the first phase. Where a service snaps, the beginning of a free stretch of a local date
//! is a start as well when more appointments of the same length fit one after the other from there than
//! from the first start of the grid in it.

use std::ops::Range;

use super::{
    bits,
    place::Placer,
    plan::{Candidate, Plan, PlannedPhase},
    request::PlacedPhase,
    search,
    zone_day::{Step, step_down},
};
use crate::service::GridFrom;

/// Minutes of a step.
const STEP_MIN: u16 = 5;

impl Plan<'_> {
    /// Whether everybody has the same starts: the multiples of the grid from midnight on.
    pub(super) fn has_one_grid(&self) -> bool {
        self.first.grid_from == GridFrom::Midnight && !self.first.snap
    }

    /// Steps from one appointment to the next when they follow each other with the same staff member.
    fn length(&self, main: &Candidate<'_>) -> usize {
        let span = |phase: &PlannedPhase<'_>| {
            let own = phase.service.assignments.get(&main.staff.id).map(AsRef::as_ref);
            phase.times(None, own).span
        };
        let steps =
            self.phases.iter().map(span).sum::<Step>() + main.times.before + main.times.after;
        usize::try_from(steps).unwrap_or(1).max(1)
    }
}

impl Placer<'_> {
    /// The starts of the grid with a staff member of the first phase, in some words of the masks.
    pub(super) fn grid_of(&self, main: &Candidate<'_>, words: &Range<usize>) -> Vec<u64> {
        let (plan, masks) = (self.plan, self.masks);
        if plan.first.grid_from == GridFrom::Midnight {
            return masks.grid(plan.branch.zone, plan.first.grid_min)[words.clone()].to_vec();
        }
        let mut grid = vec![0; words.len()];
        let (from, to) = (words.start * 64, words.end * 64);
        for day in self.days(from..to) {
            for start in self.anchored(main, &day).filter(|bit| (from..to).contains(bit)) {
                bits::set(&mut grid, &(start - from..start - from + 1));
            }
        }
        grid
    }

    /// The starts of a day, counted from the beginning of each stretch of hours.
    fn anchored(&self, main: &Candidate<'_>, day: &Range<usize>) -> impl Iterator<Item = usize> {
        let step = usize::from((self.plan.first.grid_min / STEP_MIN).max(1));
        bits::runs(self.open(0, main), day).into_iter().flat_map(move |run| run.step_by(step))
    }

    /// The bits of the local days that some bits lie in.
    pub(super) fn days(&self, bits: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let date = |bit: usize| self.zone.date(self.masks.step(bit));
        let (first, last) = (date(bits.start), date(bits.end.saturating_sub(1)));
        let dates = first.iter_days().take_while(move |date| *date <= last);
        dates.map(|date| self.masks.bits(&self.zone.day(date)))
    }

    /// Whether a start is one of the service's with a staff member of the first phase.
    pub(super) fn may_start(&self, main: &Candidate<'_>, start: Step) -> bool {
        let rules = self.plan.first;
        let bit = self.masks.bit(start);
        let is_on_grid = match rules.grid_from {
            GridFrom::Midnight => self.zone.is_on_grid(start, rules.grid_min),
            GridFrom::Opening => {
                let day = self.masks.bits(&self.zone.day(self.zone.date(start)));
                self.anchored(main, &day).any(|it| it == bit)
            }
        };
        is_on_grid || (rules.snap && search::is_snapped(self, main, start))
    }

    /// Adds the beginnings of free stretches from which more fits. `free` is where the plan fits with the
    /// staff member, whatever the grid; both begin with the word `first`, and `days` lie within.
    pub(super) fn snap(
        &self,
        main: &Candidate<'_>,
        (first, free): (usize, &[u64]),
        days: impl Iterator<Item = Range<usize>>,
        grid: &mut [u64],
    ) {
        let length = self.plan.length(main);
        let shift = first * 64;
        for day in days {
            let day = day.start.saturating_sub(shift)..day.end.saturating_sub(shift);
            for run in bits::runs(free, &day) {
                let fit = |from: usize| (run.end - from).div_ceil(length);
                let on_grid = bits::runs(grid, &run).first().map_or(0, |it| fit(it.start));
                if on_grid < fit(run.start) {
                    bits::set(grid, &(run.start..run.start + 1));
                }
            }
        }
    }

    /// How well an appointment fits beside the others, from 0 to 100; `None` if the service does not say
    /// what is better. 50 is neither good nor bad: each side that touches an appointment adds 25 where
    /// the service prefers that, each side with a gap that is too short to be of use costs 25.
    pub(super) fn score(&self, main: &Candidate<'_>, blocked: &Range<Step>) -> Option<u8> {
        let rules = self.plan.first;
        if rules.min_gap_min == 0 && !rules.prefer_adjacent {
            return None;
        }
        let (open, taken) = (self.open(0, main), self.taken(0, main));
        let is = |words: &[u64], step: Step| bits::any(words, &self.masks.bits(&(step..step + 1)));
        let least = Step::from(rules.min_gap_min.div_ceil(STEP_MIN));
        let side = |at: &dyn Fn(Step) -> Step| {
            let is_free = |step: Step| is(open, step) && !is(taken, step);
            let gap = (0..least).take_while(|distance| is_free(at(*distance))).count();
            let is_useless = 0 < gap && Step::try_from(gap).unwrap_or(0) < least;
            i16::from(rules.prefer_adjacent && is(taken, at(0))) - i16::from(is_useless)
        };
        let before = side(&|distance| blocked.start - 1 - distance);
        let after = side(&|distance| blocked.end + distance);
        u8::try_from(50 + 25 * (before + after)).ok()
    }

    /// As [`Self::score`], of phases that have their slots.
    pub(super) fn score_of(&self, main: &Candidate<'_>, phases: &[PlacedPhase]) -> Option<u8> {
        let own = || phases.iter().filter(|phase| phase.staff_id == main.staff.id);
        let from = own().map(|phase| phase.blocked.from).min()?;
        let to = own().map(|phase| phase.blocked.to).max()?;
        self.score(main, &(step_down(from)..step_down(to)))
    }
}
