//! One local date of one bookable calendar: **the double-booking guard**.
//!
//! Whoever wants a staff member's or a resource's time puts a claim on each local date that the
//! time touches. The claim holds the whole slot, buffers included, on each of those days.
//!
//! Invariants:
//! - at no instant do the claims on a calendar exceed its capacity;
//! - a hold counts until it expires, judged by the time of the command that meets it; the claim
//!   that takes its place releases it, so no timer is needed for correctness (APT-09);
//! - a claim id is used once: the same claim again records nothing, another one is refused.

mod claim;
mod command;
mod error;
mod event;
mod state;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::aggregate::{Decide, Evolve};

pub use self::{
    claim::{CalendarDayId, Claim, NotACalendarDay, Purpose, ReleaseReason, local_dates},
    command::CalendarDayCommand,
    error::CalendarDayError,
    event::CalendarDayEvent,
    state::CalendarDay,
};

impl Decide for CalendarDay {
    type Command = CalendarDayCommand;
    type Error = CalendarDayError;

    fn decide(
        &self,
        command: CalendarDayCommand,
    ) -> Result<Vec<CalendarDayEvent>, CalendarDayError> {
        match command {
            CalendarDayCommand::Claim { day, capacity, claim, at } => {
                place(self, day, capacity, claim, at)
            }
            CalendarDayCommand::Change { claim, at } => change(self, claim, at),
            CalendarDayCommand::Release { claim_id, reason } => Ok(self
                .claim(claim_id)
                .map(|claim| CalendarDayEvent::Released { claim_id: claim.claim_id, reason })
                .into_iter()
                .collect()),
        }
    }
}

fn place(
    state: &CalendarDay,
    day: CalendarDayId,
    capacity: u16,
    claim: Claim,
    at: DateTime<Utc>,
) -> Result<Vec<CalendarDayEvent>, CalendarDayError> {
    match state.claim(claim.claim_id) {
        Some(held) if *held == claim => return Ok(Vec::new()),
        Some(_) => return Err(CalendarDayError::ClaimReused),
        None => (),
    }
    if claim.units == 0 {
        return Err(CalendarDayError::NoUnits);
    }
    if claim.has_lapsed(at) {
        return Err(CalendarDayError::Lapsed);
    }
    if capacity < claim.units {
        return Err(CalendarDayError::OverCapacity { capacity });
    }
    if let Some(conflicting) = state.conflict(&claim, capacity, at) {
        return Err(CalendarDayError::Taken { conflicting: Box::new(conflicting.clone()) });
    }
    let in_the_way = |other: &&Claim| other.has_lapsed(at) && other.slot.overlaps(&claim.slot);
    let mut events: Vec<_> = state
        .claims()
        .filter(in_the_way)
        .map(|lapsed| CalendarDayEvent::Released {
            claim_id: lapsed.claim_id,
            reason: ReleaseReason::Lapsed,
        })
        .collect();
    let CalendarDayId { calendar, date } = day;
    events.push(CalendarDayEvent::Claimed { calendar, date, capacity, claim });
    Ok(events)
}

/// A hold becomes a booking, a pending place is confirmed, a hold is extended. The place itself
/// stays as it was: another slot is a release and a new claim.
fn change(
    state: &CalendarDay,
    claim: Claim,
    at: DateTime<Utc>,
) -> Result<Vec<CalendarDayEvent>, CalendarDayError> {
    let Some(held) = state.claim(claim.claim_id) else {
        return Err(CalendarDayError::Unknown);
    };
    if *held == claim {
        return Ok(Vec::new());
    }
    if held.has_lapsed(at) || claim.has_lapsed(at) {
        return Err(CalendarDayError::Lapsed);
    }
    if held.slot != claim.slot || held.units != claim.units {
        return Err(CalendarDayError::ClaimReused);
    }
    Ok(vec![CalendarDayEvent::Changed { claim }])
}

crate::cqrs_aggregate!(CalendarDay);

impl Evolve for CalendarDay {
    const TYPE: &'static str = "calendar_day";
    type Event = CalendarDayEvent;

    fn evolve(&mut self, event: &CalendarDayEvent) {
        self.apply_event(event);
    }
}
