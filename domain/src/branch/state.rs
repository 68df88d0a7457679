//! The part of a branch's history that decisions need.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::Evolve,
    availability::{BranchFacts, exceptions},
    hours::{DateException, WeeklyHours},
    ids::BranchId,
};

use super::{BranchEvent, BranchProfile};

/// The part of a branch's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    profile: Option<BranchProfile>,
    is_active: bool,
    hours: WeeklyHours,
    exceptions: BTreeMap<NaiveDate, DateException>,
}

impl Branch {
    /// Everything about it; `None` until it was registered.
    pub const fn profile(&self) -> Option<&BranchProfile> {
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

    /// Its weekly hours.
    pub const fn hours(&self) -> &WeeklyHours {
        &self.hours
    }

    /// What availability needs to know; `None` until it was registered.
    pub fn facts(&self, id: BranchId) -> Option<BranchFacts<'_>> {
        let profile = self.profile.as_ref()?;
        Some(BranchFacts {
            id,
            zone: profile.zone,
            is_active: self.is_active,
            hours: Cow::Borrowed(&self.hours),
            exceptions: exceptions(self.exceptions()),
        })
    }
}

impl Evolve for Branch {
    const TYPE: &'static str = "branch";
    type Event = BranchEvent;

    fn evolve(&mut self, event: &BranchEvent) {
        match event {
            BranchEvent::Registered { profile } => {
                self.profile = Some(profile.clone());
                self.is_active = true;
            }
            BranchEvent::Changed { profile } => self.profile = Some(profile.clone()),
            BranchEvent::HoursSet { weekly } => self.hours.clone_from(weekly),
            BranchEvent::ExceptionSet { exception } => {
                self.exceptions.insert(exception.date, exception.clone());
            }
            BranchEvent::ExceptionRemoved { date } => {
                self.exceptions.remove(date);
            }
            BranchEvent::Activated => self.is_active = true,
            BranchEvent::Deactivated => self.is_active = false,
        }
    }
}
