//! What a resource accepts and refuses.

use chrono::NaiveDate;

use crate::{
    aggregate::Decide,
    hours::{DateException, WeeklyHours},
    master_data::MasterDataError,
};

use super::{Resource, ResourceCommand, ResourceEvent, ResourceProfile};

impl Decide for Resource {
    type Command = ResourceCommand;
    type Error = MasterDataError;

    fn decide(&self, command: ResourceCommand) -> Result<Vec<ResourceEvent>, MasterDataError> {
        match command {
            ResourceCommand::Register { profile } => self.register(profile.canonical()),
            ResourceCommand::Change { profile } => self.change(profile.canonical()),
            ResourceCommand::SetHours { weekly } => self.set_hours(weekly),
            ResourceCommand::SetException { exception } => self.set_exception(exception),
            ResourceCommand::RemoveException { date } => self.remove_exception(date),
            ResourceCommand::SetActive { is_active } => self.set_active(is_active),
        }
    }
}

impl Resource {
    fn known(&self) -> Result<&ResourceProfile, MasterDataError> {
        self.profile().ok_or(MasterDataError::NotFound { what: "resource", field: "resource_id" })
    }

    fn register(&self, profile: ResourceProfile) -> Result<Vec<ResourceEvent>, MasterDataError> {
        match self.profile() {
            Some(held) if *held == profile => Ok(Vec::new()),
            Some(_) => Err(MasterDataError::AlreadyRegistered { what: "resource" }),
            None => {
                profile.check()?;
                Ok(vec![ResourceEvent::Registered { profile }])
            }
        }
    }

    fn change(&self, profile: ResourceProfile) -> Result<Vec<ResourceEvent>, MasterDataError> {
        let held = self.known()?;
        profile.check()?;
        profile.check_change(held)?;
        Ok(if *held == profile { Vec::new() } else { vec![ResourceEvent::Changed { profile }] })
    }

    fn set_active(&self, is_active: bool) -> Result<Vec<ResourceEvent>, MasterDataError> {
        self.known()?;
        Ok(match (self.is_active(), is_active) {
            (false, true) => vec![ResourceEvent::Activated],
            (true, false) => vec![ResourceEvent::Deactivated],
            (true, true) | (false, false) => Vec::new(),
        })
    }

    fn set_hours(
        &self,
        weekly: Option<WeeklyHours>,
    ) -> Result<Vec<ResourceEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.hours() == weekly.as_ref() {
            Vec::new()
        } else {
            vec![ResourceEvent::HoursSet { weekly }]
        })
    }

    fn set_exception(
        &self,
        exception: DateException,
    ) -> Result<Vec<ResourceEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.exception(exception.date) == Some(&exception) {
            Vec::new()
        } else {
            vec![ResourceEvent::ExceptionSet { exception }]
        })
    }

    fn remove_exception(&self, date: NaiveDate) -> Result<Vec<ResourceEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.exception(date).is_none() {
            Vec::new()
        } else {
            vec![ResourceEvent::ExceptionRemoved { date }]
        })
    }
}
