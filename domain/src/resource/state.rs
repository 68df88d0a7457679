//! The part of a resource's history that decisions need.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::Evolve,
    availability::{ResourceFacts, exceptions},
    hours::{DateException, WeeklyHours},
    ids::ResourceId,
};

use super::{ResourceEvent, ResourceProfile};

/// The part of a resource's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    profile: Option<ResourceProfile>,
    is_active: bool,
    hours: Option<WeeklyHours>,
    exceptions: BTreeMap<NaiveDate, DateException>,
}

impl Resource {
    /// Everything about it; `None` until it was registered.
    pub const fn profile(&self) -> Option<&ResourceProfile> {
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

    /// When it can be used; always when absent.
    pub const fn hours(&self) -> Option<&WeeklyHours> {
        self.hours.as_ref()
    }

    /// What availability needs to know; `None` until it was registered.
    pub fn facts(&self, id: ResourceId) -> Option<ResourceFacts<'_>> {
        let profile = self.profile.as_ref()?;
        Some(ResourceFacts {
            id,
            branch_id: profile.branch_id,
            is_active: self.is_active,
            capacity: profile.capacity,
            hours: self.hours.as_ref().map(Cow::Borrowed),
            exceptions: exceptions(self.exceptions()),
        })
    }
}

impl Evolve for Resource {
    const TYPE: &'static str = "resource";
    type Event = ResourceEvent;

    fn evolve(&mut self, event: &ResourceEvent) {
        match event {
            ResourceEvent::Registered { profile } => {
                self.profile = Some(profile.clone());
                self.is_active = true;
            }
            ResourceEvent::Changed { profile } => self.profile = Some(profile.clone()),
            ResourceEvent::HoursSet { weekly } => self.hours.clone_from(weekly),
            ResourceEvent::ExceptionSet { exception } => {
                self.exceptions.insert(exception.date, exception.clone());
            }
            ResourceEvent::ExceptionRemoved { date } => {
                self.exceptions.remove(date);
            }
            ResourceEvent::Activated => self.is_active = true,
            ResourceEvent::Deactivated => self.is_active = false,
        }
    }
}
