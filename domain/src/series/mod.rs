//! A recurring appointment: a rule and the appointments that it became (APT-03, APT-12).
//!
//! Invariants:
//! - at least as many occurrences are booked as the policy requires, and the rule has no more than
//!   it allows (AT-40);
//! - occurrences are numbered from 1 and keep their number, skipped or moved;
//! - no more occurrences are skipped than the policy allows; what was left out because its time
//!   was taken is no skip.
//!
//! The status and the time of an occurrence are those of its appointment, which may be changed by
//! itself. The series knows the rule, what was booked for it, and what was skipped.

mod command;
mod error;
mod event;
pub mod rule;
mod state;
#[cfg(test)]
mod tests;

use crate::aggregate::{Decide, Evolve};

pub use self::{
    command::SeriesCommand,
    error::SeriesError,
    event::{Occurrence, SeriesEvent, Started},
    state::{OccurrenceStatus, Series},
};

impl Decide for Series {
    type Command = SeriesCommand;
    type Error = SeriesError;

    fn decide(&self, command: SeriesCommand) -> Result<Vec<SeriesEvent>, SeriesError> {
        match command {
            SeriesCommand::Start(started) => start(self, started),
            SeriesCommand::Skip { number } => skip(self, number),
            SeriesCommand::Move { number, from, starts_at } => {
                self.require(number)?;
                match self.status(number) {
                    Some(OccurrenceStatus::Planned) if from == starts_at => Ok(Vec::new()),
                    Some(OccurrenceStatus::Planned) => {
                        Ok(vec![SeriesEvent::OccurrenceMoved { number, from, to: starts_at }])
                    }
                    Some(OccurrenceStatus::Skipped | OccurrenceStatus::LeftOut) | None => {
                        Err(SeriesError::NotPlanned { number })
                    }
                }
            }
            SeriesCommand::Cancel { after } => match (self.is_started(), self.is_cancelled()) {
                (false, _) => Err(SeriesError::NotFound),
                (true, true) => Ok(Vec::new()),
                (true, false) => Ok(vec![SeriesEvent::Cancelled { after }]),
            },
        }
    }
}

fn start(state: &Series, started: Box<Started>) -> Result<Vec<SeriesEvent>, SeriesError> {
    if let Some(held) = state.started() {
        return if *held == *started { Ok(Vec::new()) } else { Err(SeriesError::AlreadyStarted) };
    }
    let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let length = count(started.occurrences.len());
    let booked = started.occurrences.iter().filter(|it| it.appointment_id.is_some());
    let booked = count(booked.count());
    let policy = &started.policy;
    if policy.max_length < length {
        return Err(SeriesError::TooLong { max_length: policy.max_length });
    }
    if booked == 0 && 0 < length {
        return Err(SeriesError::NothingToBook { left_out: length });
    }
    if booked < policy.min_length.max(1) {
        let (left_out, min_length) = (length - booked, policy.min_length.max(1));
        return Err(SeriesError::TooShort { length: booked, left_out, min_length });
    }
    Ok(vec![SeriesEvent::Started(started)])
}

fn skip(state: &Series, number: u16) -> Result<Vec<SeriesEvent>, SeriesError> {
    state.require(number)?;
    let Some(started) = state.started() else { return Err(SeriesError::NotFound) };
    match state.status(number) {
        Some(OccurrenceStatus::Skipped) => return Ok(Vec::new()),
        Some(OccurrenceStatus::LeftOut) | None => return Err(SeriesError::NotPlanned { number }),
        Some(OccurrenceStatus::Planned) => (),
    }
    if !started.policy.skip_allowed {
        return Err(SeriesError::SkipsNotAllowed);
    }
    if started.policy.max_skips <= state.skips() {
        return Err(SeriesError::NoSkipLeft { max_skips: started.policy.max_skips });
    }
    Ok(vec![SeriesEvent::OccurrenceSkipped { number }])
}

crate::cqrs_aggregate!(Series);

impl Evolve for Series {
    const TYPE: &'static str = "series";
    type Event = SeriesEvent;

    fn evolve(&mut self, event: &SeriesEvent) {
        self.apply_event(event);
    }
}
