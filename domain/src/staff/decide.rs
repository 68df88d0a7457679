//! What a staff member accepts and refuses.

use chrono::NaiveDate;

use crate::{
    aggregate::Decide,
    hours::{DateException, WeeklyHours},
    ids::BranchId,
    master_data::MasterDataError,
};

use super::{Staff, StaffCommand, StaffEvent, StaffProfile};

impl Decide for Staff {
    type Command = StaffCommand;
    type Error = MasterDataError;

    fn decide(&self, command: StaffCommand) -> Result<Vec<StaffEvent>, MasterDataError> {
        match command {
            StaffCommand::Register { profile } => self.register(profile.canonical()),
            StaffCommand::Change { profile } => self.change(profile.canonical()),
            StaffCommand::SetHours { branch_id, weekly } => self.set_hours(branch_id, weekly),
            StaffCommand::SetException { exception } => self.set_exception(exception),
            StaffCommand::RemoveException { date } => self.remove_exception(date),
            StaffCommand::SetActive { is_active } => self.set_active(is_active),
        }
    }
}

impl Staff {
    fn known(&self) -> Result<&StaffProfile, MasterDataError> {
        self.profile().ok_or(MasterDataError::NotFound { what: "staff member", field: "staff_id" })
    }

    fn register(&self, profile: StaffProfile) -> Result<Vec<StaffEvent>, MasterDataError> {
        match self.profile() {
            Some(held) if *held == profile => Ok(Vec::new()),
            Some(_) => Err(MasterDataError::AlreadyRegistered { what: "staff member" }),
            None => {
                profile.check()?;
                Ok(vec![StaffEvent::Registered { profile }])
            }
        }
    }

    fn change(&self, profile: StaffProfile) -> Result<Vec<StaffEvent>, MasterDataError> {
        let held = self.known()?;
        profile.check()?;
        profile.check_change(held)?;
        Ok(if *held == profile { Vec::new() } else { vec![StaffEvent::Changed { profile }] })
    }

    fn set_active(&self, is_active: bool) -> Result<Vec<StaffEvent>, MasterDataError> {
        self.known()?;
        Ok(match (self.is_active(), is_active) {
            (false, true) => vec![StaffEvent::Activated],
            (true, false) => vec![StaffEvent::Deactivated],
            (true, true) | (false, false) => Vec::new(),
        })
    }

    fn set_hours(
        &self,
        branch_id: Option<BranchId>,
        weekly: Option<WeeklyHours>,
    ) -> Result<Vec<StaffEvent>, MasterDataError> {
        let profile = self.known()?;
        if branch_id.is_some_and(|branch_id| !profile.branches.contains(&branch_id)) {
            let problem = "the staff member does not work at this branch";
            return Err(MasterDataError::invalid("branch_id", problem));
        }
        let held = match branch_id {
            None => self.hours(),
            Some(branch_id) => self.hours_at(branch_id),
        };
        Ok(if held == weekly.as_ref() {
            Vec::new()
        } else {
            vec![StaffEvent::HoursSet { branch_id, weekly }]
        })
    }

    fn set_exception(&self, exception: DateException) -> Result<Vec<StaffEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.exception(exception.date) == Some(&exception) {
            Vec::new()
        } else {
            vec![StaffEvent::ExceptionSet { exception }]
        })
    }

    fn remove_exception(&self, date: NaiveDate) -> Result<Vec<StaffEvent>, MasterDataError> {
        self.known()?;
        Ok(if self.exception(date).is_none() {
            Vec::new()
        } else {
            vec![StaffEvent::ExceptionRemoved { date }]
        })
    }
}
