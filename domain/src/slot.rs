//! A half-open span of time, `[from, to)`, in instants.

use chrono::{DateTime, Duration, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// `[from, to)`: two slots that only touch do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The first instant inside.
    #[serde(with = "crate::instant")]
    pub from: DateTime<Utc>,
    /// The first instant outside.
    #[serde(with = "crate::instant")]
    pub to: DateTime<Utc>,
}

impl Slot {
    /// The slot, if it ends after it starts.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// The slot of so many minutes from an instant; `None` when it would leave the calendar.
    pub fn of_minutes(from: DateTime<Utc>, minutes: u32) -> Option<Self> {
        Self::new(from, from.checked_add_signed(Duration::minutes(minutes.into()))?)
    }

    /// A local date, from its first instant to the first of the next; some zones skip midnight when
    /// clocks go forward. `None` at the end of the calendar, and for a date that a zone leaves out.
    pub fn of_date(date: NaiveDate, zone: Tz) -> Option<Self> {
        let first = |date: NaiveDate| {
            (0..=3 * 4).find_map(|quarter| {
                let local = date.and_hms_opt(quarter / 4, (quarter % 4) * 15, 0)?;
                zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
            })
        };
        Self::new(first(date)?, first(date.succ_opt()?)?)
    }

    /// Whether the two share an instant.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether the other slot lies inside this one.
    pub fn contains(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// Its length in whole minutes.
    pub fn minutes(&self) -> i64 {
        (self.to - self.from).num_minutes()
    }
}
