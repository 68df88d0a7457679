//! A row of `read.claims` and how events change it.

use chrono::{DateTime, NaiveDate, Utc};
use daybook_domain::{
    calendar::CalendarId,
    calendar_day::{CalendarDayEvent, CalendarDayId, Claim, Purpose},
    event_log::RecordedEvent,
    ids::{AppointmentId, ClaimId, HoldId, PhaseId, ServiceId},
};
use serde::{Deserialize, Serialize};

use crate::rows::{spelled_as_in_json, stored};

/// What a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// Kept for a caller who has not decided yet.
    Hold,
    /// Booked, not yet confirmed.
    Pending,
    /// Booked.
    Booked,
    /// Taken out by hand.
    Block,
    /// Busy in an outside calendar.
    External,
}

/// A claim as it stands. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The calendar.
    pub calendar: CalendarId,
    /// One local date that it touches; a claim over midnight has a row for each.
    pub date: NaiveDate,
    /// The claim.
    pub claim_id: ClaimId,
    /// The position of the event that the row rests on.
    pub position: u64,
    /// What is taken, buffers included: from …
    pub slot_from: DateTime<Utc>,
    /// … until.
    pub slot_to: DateTime<Utc>,
    /// How many units.
    pub units: u16,
    /// Units that the calendar had when the claim was accepted.
    pub capacity: u16,
    /// What it is for.
    pub kind: ClaimKind,
    /// False once it was given back.
    pub is_live: bool,
    /// When a hold stops counting by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// The appointment.
    pub appointment_id: Option<AppointmentId>,
    /// The phase of the appointment.
    pub phase_id: Option<PhaseId>,
    /// The hold.
    pub hold_id: Option<HoldId>,
    /// The service.
    pub service_id: Option<ServiceId>,
    /// The date of the branch on which it counts towards limits per day.
    pub counts_on: Option<NaiveDate>,
}

spelled_as_in_json!(ClaimKind);
stored!(ClaimRow {
    calendar,
    date,
    claim_id,
    position,
    slot_from,
    slot_to,
    units,
    capacity,
    kind,
    is_live,
    expires_at,
    appointment_id,
    phase_id,
    hold_id,
    service_id,
    counts_on,
});

impl ClaimRow {
    /// Folds an event of a day into the row of its claim on that day. An event that the row has seen
    /// changes nothing; `None` is an event of a claim that was never made.
    pub fn fold(
        row: Option<Self>,
        day: CalendarDayId,
        event: &CalendarDayEvent,
        recorded: &RecordedEvent,
    ) -> Option<Self> {
        let position = recorded.position.0;
        if let Some(row) = &row
            && position <= row.position
        {
            return Some(row.clone());
        }
        match event {
            CalendarDayEvent::Claimed { capacity, claim, .. } => {
                Some(Self::standing(day, *capacity, claim, position))
            }
            CalendarDayEvent::Changed { claim } => {
                Some(Self::standing(day, row?.capacity, claim, position))
            }
            CalendarDayEvent::Released { .. } => Some(Self { is_live: false, position, ..row? }),
        }
    }

    fn standing(day: CalendarDayId, capacity: u16, claim: &Claim, position: u64) -> Self {
        let (kind, phase_id, hold_id) = match &claim.purpose {
            Purpose::Hold { hold_id, .. } => (ClaimKind::Hold, None, Some(*hold_id)),
            Purpose::Pending { phase_id, .. } => (ClaimKind::Pending, *phase_id, None),
            Purpose::Booked { phase_id, .. } => (ClaimKind::Booked, *phase_id, None),
            Purpose::Block => (ClaimKind::Block, None, None),
            Purpose::External { .. } => (ClaimKind::External, None, None),
        };
        Self {
            calendar: day.calendar,
            date: day.date,
            claim_id: claim.claim_id,
            position,
            slot_from: claim.slot.from,
            slot_to: claim.slot.to,
            units: claim.units,
            capacity,
            kind,
            is_live: true,
            expires_at: claim.expires_at(),
            appointment_id: claim.appointment_id(),
            phase_id,
            hold_id,
            service_id: claim.service_id,
            counts_on: claim.counts_on,
        }
    }
}

/// The claim that an event is about.
pub(super) fn claim_of(event: &CalendarDayEvent) -> ClaimId {
    match event {
        CalendarDayEvent::Claimed { claim, .. } | CalendarDayEvent::Changed { claim } => {
            claim.claim_id
        }
        CalendarDayEvent::Released { claim_id, .. } => *claim_id,
    }
}
