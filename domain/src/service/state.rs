//! The part of a service's history that decisions need.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

use crate::{
    aggregate::Evolve,
    availability::{ServiceFacts, assignments},
    ids::{BranchId, ServiceId, StaffId},
    money::Money,
};

use super::{Assignment, BranchOffer, DurationPrice, DurationRange, ServiceEvent, ServiceProfile};

/// The part of a service's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    profile: Option<ServiceProfile>,
    is_active: bool,
    offers: BTreeMap<BranchId, BranchOffer>,
    assignments: BTreeMap<StaffId, Assignment>,
}

impl Service {
    /// Everything about it; `None` until it was defined.
    pub const fn profile(&self) -> Option<&ServiceProfile> {
        self.profile.as_ref()
    }

    /// Whether it is offered at all.
    pub const fn is_active(&self) -> bool {
        self.is_active
    }

    /// The terms of a branch, if it has its own.
    pub fn offer(&self, branch_id: BranchId) -> Option<&BranchOffer> {
        self.offers.get(&branch_id)
    }

    /// The branches with terms of their own.
    pub fn offers(&self) -> impl Iterator<Item = (BranchId, &BranchOffer)> {
        self.offers.iter().map(|(id, offer)| (*id, offer))
    }

    /// Whether a branch offers it.
    pub fn is_offered_at(&self, branch_id: BranchId) -> bool {
        self.offer(branch_id).is_none_or(|offer| offer.is_offered)
    }

    /// How a staff member does it.
    pub fn assignment(&self, staff_id: StaffId) -> Option<&Assignment> {
        self.assignments.get(&staff_id)
    }

    /// Who does it, in id order.
    pub fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.assignments.values()
    }

    /// What it costs with a staff member at a branch: the staff member's price, else the branch's,
    /// else the service's (CTR-43). `None` until it was defined.
    pub fn price_for(&self, staff_id: StaffId, branch_id: BranchId) -> Option<Money> {
        let own = self.assignment(staff_id).and_then(|assignment| assignment.custom_price);
        let branch = || self.offer(branch_id).and_then(|offer| offer.price);
        own.or_else(branch).or_else(|| self.profile.as_ref().map(|profile| profile.price))
    }

    /// What it costs with a staff member at a branch in so many active minutes: the price of its own
    /// duration, or in proportion to it, as the rule says. `None` until it was defined.
    pub fn price_lasting(
        &self,
        staff_id: StaffId,
        branch_id: BranchId,
        asked_min: Option<u16>,
    ) -> Option<Money> {
        let price = self.price_for(staff_id, branch_id)?;
        let profile = self.profile.as_ref()?;
        let scales = |range: DurationRange| range.price == DurationPrice::PerMinute;
        let (Some(asked_min), Some(phase), true) =
            (asked_min, profile.phases.first(), profile.rules.duration.is_some_and(scales))
        else {
            return Some(price);
        };
        let custom = self.assignment(staff_id).and_then(|it| it.custom_active_min.get(&phase.key));
        let own_min = custom.copied().unwrap_or(phase.active_min).max(1);
        let (asked, own) = (i128::from(asked_min), i128::from(own_min));
        let scaled = (i128::from(price.amount_minor) * asked * 2 + own).div_euclid(own * 2);
        Some(Money { amount_minor: scaled.try_into().ok()?, ..price })
    }

    /// What availability needs to know; `None` until it was defined. `branches` are those that are
    /// asked about: a branch that does not offer the service is left out.
    pub fn facts(
        &self,
        id: ServiceId,
        branches: impl IntoIterator<Item = BranchId>,
    ) -> Option<ServiceFacts<'_>> {
        let profile = self.profile.as_ref()?;
        let closed = self.offers.values().any(|offer| !offer.is_offered);
        let offered_at = closed.then(|| {
            let offering = branches.into_iter().filter(|branch| self.is_offered_at(*branch));
            Cow::Owned(offering.collect::<BTreeSet<_>>())
        });
        Some(ServiceFacts {
            id,
            is_active: self.is_active,
            phases: Cow::Borrowed(&profile.phases),
            rules: Cow::Borrowed(&profile.rules),
            assignments: assignments(self.assignments()),
            offered_at,
        })
    }
}

impl Evolve for Service {
    const TYPE: &'static str = "service";
    type Event = ServiceEvent;

    fn evolve(&mut self, event: &ServiceEvent) {
        match event {
            ServiceEvent::Defined { profile } => {
                self.profile = Some(profile.clone());
                self.is_active = true;
            }
            ServiceEvent::Changed { profile } => self.profile = Some(profile.clone()),
            ServiceEvent::OfferSet { branch_id, offer } => {
                self.offers.insert(*branch_id, offer.clone());
            }
            ServiceEvent::StaffAssigned { assignment } => {
                self.assignments.insert(assignment.staff_id, assignment.clone());
            }
            ServiceEvent::StaffUnassigned { staff_id } => {
                self.assignments.remove(staff_id);
            }
            ServiceEvent::Activated => self.is_active = true,
            ServiceEvent::Deactivated => self.is_active = false,
        }
    }
}
