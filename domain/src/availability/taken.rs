//! What is taken of the calendars, as bitstrings and as units, compiled from their claims.

use std::{borrow::Cow, ops::Range};

use chrono::{DateTime, Utc};

use super::{
    bits,
    facts::{Busy, Facts},
    masks::Masks,
    request::Ignoring,
    zone_day::{step_down, step_up},
};
use crate::{
    calendar::CalendarId,
    ids::{ResourceId, StaffId},
};

/// The units of a resource that are taken at each step; claims that lapse are kept apart.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) solid: Vec<u16>,
    pub(super) lapsing: Vec<Busy>,
}

/// What is taken of one place at a time. Claims that lapse are kept apart, so that they do so
/// without anybody telling the grid.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) solid: Vec<u64>,
    pub(super) lapsing: Vec<Busy>,
}

impl Masks {
    /// What is taken of a staff member's time at an instant.
    pub(super) fn taken<'m>(
        &'m self,
        facts: &Facts<'_>,
        staff_id: StaffId,
        now: DateTime<Utc>,
        ignoring: Ignoring,
    ) -> Cow<'m, [u64]> {
        let Some(masks) = self.staff.get(&staff_id) else {
            return Cow::Owned(vec![u64::MAX; self.words]);
        };
        let claims = facts.busy(CalendarId::Staff(staff_id));
        if ignoring != Ignoring::default() {
            let counted = claims.iter().filter(|it| counts(it, now, ignoring));
            let mut words = vec![0; self.words];
            counted.for_each(|it| bits::set(&mut words, &self.bits_of(it)));
            return Cow::Owned(words);
        }
        let taken = masks.taken.get_or_init(|| self.taken_of(claims));
        let mut live = taken.lapsing.iter().filter(|it| it.is_live(now)).peekable();
        if live.peek().is_none() {
            return Cow::Borrowed(&taken.solid);
        }
        let mut words = taken.solid.clone();
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
        let claims = facts.busy(CalendarId::Resource(resource_id));
        let taken = if ignoring == Ignoring::default() {
            let counted = masks.taken.get_or_init(|| Counts {
                solid: self.counts_of(claims.iter().filter(|it| it.expires_at.is_none())),
                lapsing: claims.iter().filter(|it| it.expires_at.is_some()).copied().collect(),
            });
            let mut taken = Cow::Borrowed(&counted.solid);
            for claim in counted.lapsing.iter().filter(|it| it.is_live(now)) {
                self.add(taken.to_mut(), claim);
            }
            taken
        } else {
            Cow::Owned(self.counts_of(claims.iter().filter(|it| counts(it, now, ignoring))))
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

    fn taken_of(&self, claims: &[Busy]) -> Taken {
        let mut taken = Taken { solid: vec![0; self.words], lapsing: Vec::new() };
        for claim in claims.iter().filter(|it| self.touches(it)) {
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
}

/// Whether a claim counts at an instant.
pub(super) fn counts(claim: &Busy, now: DateTime<Utc>, ignoring: Ignoring) -> bool {
    let is_ignored = (claim.appointment_id.is_some()
        && claim.appointment_id == ignoring.appointment_id)
        || (claim.hold_id.is_some() && claim.hold_id == ignoring.hold_id);
    !is_ignored && claim.is_live(now)
}
