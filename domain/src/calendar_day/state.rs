//! The claims that stand on a calendar day.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::ClaimId;

use super::{CalendarDayEvent, Claim};

/// The claims that stand on a calendar day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarDay {
    claims: BTreeMap<ClaimId, Claim>,
}

impl CalendarDay {
    /// Every claim that was not given back, lapsed holds included.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    /// The claims that count at an instant.
    pub fn live(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Claim> {
        self.claims().filter(move |claim| !claim.has_lapsed(at))
    }

    /// One claim.
    pub fn claim(&self, claim_id: ClaimId) -> Option<&Claim> {
        self.claims.get(&claim_id)
    }

    /// A claim that stands in the way of another one: the earliest of those that fill the calendar
    /// where the two would meet. One that belongs to an appointment is named before a hold.
    pub fn conflict(&self, wanted: &Claim, capacity: u16, at: DateTime<Utc>) -> Option<&Claim> {
        let mut rivals: Vec<_> =
            self.live(at).filter(|claim| claim.slot.overlaps(&wanted.slot)).collect();
        rivals.sort_unstable_by_key(|claim| (claim.slot.from, claim.claim_id));
        // The load only rises where a claim begins, so these are all the instants to look at.
        let begins = rivals.iter().map(|rival| rival.slot.from.max(wanted.slot.from));
        let full = begins.into_iter().find(|instant| {
            let there = |claim: &&&Claim| claim.slot.from <= *instant && *instant < claim.slot.to;
            let taken: u32 = rivals.iter().filter(there).map(|claim| u32::from(claim.units)).sum();
            u32::from(capacity) < taken + u32::from(wanted.units)
        })?;
        rivals
            .into_iter()
            .filter(|claim| claim.slot.from <= full && full < claim.slot.to)
            .min_by_key(|claim| (claim.appointment_id().is_none(), claim.slot.from, claim.claim_id))
    }

    pub(super) fn apply_event(&mut self, event: &CalendarDayEvent) {
        match event {
            CalendarDayEvent::Claimed { claim, .. } | CalendarDayEvent::Changed { claim } => {
                self.claims.insert(claim.claim_id, claim.clone());
            }
            CalendarDayEvent::Released { claim_id, .. } => {
                self.claims.remove(claim_id);
            }
        }
    }
}
