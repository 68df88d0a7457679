//! What a branch accepts and refuses.

use chrono::NaiveDate;

use crate::{
    aggregate::Decide,
    hours::{DateException, WeeklyHours},
    master_data::MasterDataError,
};

use super::{Branch, BranchCommand, BranchEvent, BranchProfile};

impl Decide for Branch {
    type Command = BranchCommand;
    type Error = MasterDataError;

    fn decide(&self, command: BranchCommand) -> Result<Vec<BranchEvent>, MasterDataError> {
        match command {
            BranchCommand::Register { profile } => self.register(profile.canonical()),
            BranchCommand::Change { profile } => self.change(profile.canonical()),
            BranchCommand::SetHours { weekly } => self.set_hours(weekly),
            BranchCommand::SetException { exception } => self.set_exception(exception),
            BranchCommand::RemoveException { date } => self.remove_exception(date),
            BranchCommand::SetActive { is_active } => self.set_active(is_active),
        }
    }
}

impl Branch {
    fn known(&self) -> Result<&BranchProfile, MasterDataError> {
        self.profile().ok_or(MasterDataError::NotFound { what: "branch", field: "branch_id" })
    }

    fn register(&self, profile: BranchProfile) -> Result<Vec<BranchEvent>, MasterDataError> {
        match self.profile() {
            Some(held) if *held == profile => Ok(Vec::new()),
            Some(_) => Err(MasterDataError::AlreadyRegistered { what: "branch" }),
            None => {
                profile.check()?;
                Ok(vec![BranchEvent::Registered { profile }])
            }
        }
    }

    fn change(&self, profile: BranchProfile) -> Result<Vec<BranchEvent>, MasterDataError> {
        let held = self.known()?;
        profile.check()?;
        profile.check_change(held)?;
        Ok(if *held == profile { Vec::new() } else { vec![BranchEvent::Changed { profile }] })
    }

    fn set_active(&self, is_active: bool) -> Result<Vec<BranchEvent>, MasterDataError> {
        self.known()?;
        Ok(match (self.is_active(), is_active) {
            (false, true) => vec![BranchEvent::Activated],
            (true, false) => vec![BranchEvent::Deactivated],
            (true, true) | (false, false) => Vec::new(),
        })
    }

    fn set_hours(&self, weekly: WeeklyHours) -> Result<Vec<BranchEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.hours() == &weekly {
            Vec::new()
        } else {
            vec![BranchEvent::HoursSet { weekly }]
        })
    }

    fn set_exception(&self, exception: DateException) -> Result<Vec<BranchEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.exception(exception.date) == Some(&exception) {
            Vec::new()
        } else {
            vec![BranchEvent::ExceptionSet { exception }]
        })
    }

    fn remove_exception(&self, date: NaiveDate) -> Result<Vec<BranchEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.exception(date).is_none() {
            Vec::new()
        } else {
            vec![BranchEvent::ExceptionRemoved { date }]
        })
    }
}
