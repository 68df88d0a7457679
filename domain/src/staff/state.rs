//! The part of a staff member's history that decisions need.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::Evolve,
    availability::{StaffFacts, exceptions},
    hours::{DateException, WeeklyHours},
    ids::{BranchId, StaffId},
};

use super::{StaffEvent, StaffProfile};

/// The part of a staff member's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    profile: Option<StaffProfile>,
    is_active: bool,
    hours: Option<WeeklyHours>,
    hours_at: BTreeMap<BranchId, WeeklyHours>,
    exceptions: BTreeMap<NaiveDate, DateException>,
}

impl Staff {
    /// Everything about it; `None` until it was registered.
    pub const fn profile(&self) -> Option<&StaffProfile> {
        self.profile.as_ref()
    }

    /// Whether it is in use.
    pub const fn is_active(&self) -> bool {
        self.is_active
    }

    /// The own hours of a date.
    pub fn exception(&self, date: NaiveDate) -> Option<&DateException> {
        self.exceptions.get(&date)
    }

    /// The dates with own hours, in order.
    pub fn exceptions(&self) -> impl Iterator<Item = &DateException> {
        self.exceptions.values()
    }

    /// The general weekly hours; the branch's when absent.
    pub const fn hours(&self) -> Option<&WeeklyHours> {
        self.hours.as_ref()
    }

    /// The weekly hours at one branch, if they differ from the general ones.
    pub fn hours_at(&self, branch_id: BranchId) -> Option<&WeeklyHours> {
        self.hours_at.get(&branch_id)
    }

    /// The branches with hours of their own.
    pub fn hours_by_branch(&self) -> impl Iterator<Item = (BranchId, &WeeklyHours)> {
        self.hours_at.iter().map(|(id, hours)| (*id, hours))
    }

    /// What availability needs to know; `None` until the staff member was registered.
    pub fn facts(&self, id: StaffId) -> Option<StaffFacts<'_>> {
        let profile = self.profile.as_ref()?;
        let hours_at = self.hours_at.iter().map(|(id, hours)| (*id, Cow::Borrowed(hours)));
        Some(StaffFacts {
            id,
            is_active: self.is_active,
            is_bookable: profile.is_bookable,
            roles: Cow::Borrowed(&profile.roles),
            branches: Cow::Borrowed(&profile.branches),
            hours: self.hours.as_ref().map(Cow::Borrowed),
            hours_at: hours_at.collect(),
            exceptions: exceptions(self.exceptions()),
            buffer_before_min: profile.buffer_before_min,
            buffer_after_min: profile.buffer_after_min,
        })
    }
}

impl Evolve for Staff {
    const TYPE: &'static str = "staff";
    type Event = StaffEvent;

    fn evolve(&mut self, event: &StaffEvent) {
        match event {
            StaffEvent::Registered { profile } => {
                self.profile = Some(profile.clone());
                self.is_active = true;
            }
            StaffEvent::Changed { profile } => self.profile = Some(profile.clone()),
            StaffEvent::HoursSet { branch_id: None, weekly } => self.hours.clone_from(weekly),
            StaffEvent::HoursSet { branch_id: Some(branch_id), weekly: Some(weekly) } => {
                self.hours_at.insert(*branch_id, weekly.clone());
            }
            StaffEvent::HoursSet { branch_id: Some(branch_id), weekly: None } => {
                self.hours_at.remove(branch_id);
            }
            StaffEvent::ExceptionSet { exception } => {
                self.exceptions.insert(exception.date, exception.clone());
            }
            StaffEvent::ExceptionRemoved { date } => {
                self.exceptions.remove(date);
            }
            StaffEvent::Activated => self.is_active = true,
            StaffEvent::Deactivated => self.is_active = false,
        }
    }
}
