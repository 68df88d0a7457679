//! What is claimed, by whom, and on which days.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    calendar::CalendarId,
    ids::{AppointmentId, ClaimId, HoldId, PhaseId, ServiceId},
    slot::Slot,
};

/// One local date of one calendar. As text `staff:<uuid>:2026-11-21`: the stream's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarDayId {
    /// The calendar.
    pub calendar: CalendarId,
    /// The local date, in the calendar's own zone.
    pub date: NaiveDate,
}

/// A text that names no calendar day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a calendar day is a calendar and a date, not {0:?}")]
pub struct NotACalendarDay(pub String);

impl fmt::Display for CalendarDayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.calendar, self.date)
    }
}

impl FromStr for CalendarDayId {
    type Err = NotACalendarDay;

    fn from_str(text: &str) -> Result<Self, NotACalendarDay> {
        let not_a_day = || NotACalendarDay(text.to_owned());
        let (calendar, date) = text.rsplit_once(':').ok_or_else(not_a_day)?;
        Ok(Self {
            calendar: calendar.parse().map_err(|_not_a_calendar| not_a_day())?,
            date: date.parse().map_err(|_not_a_date| not_a_day())?,
        })
    }
}

/// The local dates that a slot touches: two when it runs over midnight.
pub fn local_dates(slot: Slot, zone: Tz) -> Vec<NaiveDate> {
    let first = slot.from.with_timezone(&zone).date_naive();
    // The end is outside: a slot until midnight does not touch the next day.
    let last = (slot.to - chrono::TimeDelta::nanoseconds(1)).with_timezone(&zone).date_naive();
    first.iter_days().take_while(|date| *date <= last).collect()
}

/// A claim on a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its id, the same on every day that it touches.
    pub claim_id: ClaimId,
    /// What it is for.
    pub purpose: Purpose,
    /// What is taken, buffers included.
    pub slot: Slot,
    /// How many units of the calendar's capacity.
    pub units: u16,
    /// The service, for limits per day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// The date on which it counts towards limits per day: that of the branch where the appointment
    /// takes place, whatever zone the calendar has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_on: Option<NaiveDate>,
}

/// What a claim is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Purpose {
    /// Kept for a caller who has not decided yet.
    Hold {
        /// The hold, which is the token it is booked with.
        hold_id: HoldId,
        /// From then on it does not count.
        expires_at: DateTime<Utc>,
    },
    /// An appointment that waits for its confirmation.
    Pending {
        /// The appointment.
        appointment_id: AppointmentId,
        /// The phase; none for the daily count of a service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase_id: Option<PhaseId>,
    },
    /// An appointment.
    Booked {
        /// The appointment.
        appointment_id: AppointmentId,
        /// The phase; none for the daily count of a service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase_id: Option<PhaseId>,
    },
    /// Time that was taken out by hand.
    Block,
    /// Busy in an outside calendar.
    External {
        /// What the outside calls it.
        reference: String,
    },
}

impl Claim {
    /// Whether it is a hold whose time is over: it does not count any more.
    pub fn has_lapsed(&self, at: DateTime<Utc>) -> bool {
        self.expires_at().is_some_and(|expires_at| expires_at <= at)
    }

    /// When it stops counting by itself.
    pub const fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self.purpose {
            Purpose::Hold { expires_at, .. } => Some(expires_at),
            Purpose::Pending { .. }
            | Purpose::Booked { .. }
            | Purpose::Block
            | Purpose::External { .. } => None,
        }
    }

    /// The appointment that it belongs to.
    pub const fn appointment_id(&self) -> Option<AppointmentId> {
        match self.purpose {
            Purpose::Pending { appointment_id, .. } | Purpose::Booked { appointment_id, .. } => {
                Some(appointment_id)
            }
            Purpose::Hold { .. } | Purpose::Block | Purpose::External { .. } => None,
        }
    }
}

/// Why a claim was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    /// The appointment was cancelled.
    Cancelled,
    /// The appointment moved elsewhere.
    Moved,
    /// A hold expired and another claim took its place.
    Lapsed,
    /// The caller gave a hold or a block back.
    Withdrawn,
    /// The business rejected a pending appointment.
    Rejected,
    /// The customer did not come.
    NoShow,
}
