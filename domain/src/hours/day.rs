//! The hours of a day, of a week, and of a date that is different.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CivilInterval, HoursError};

/// The hours of one day: when it is open, and the breaks in it. No open interval means closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "DayHoursFields")]
pub struct DayHours {
    open: Vec<CivilInterval>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breaks: Vec<CivilInterval>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DayHoursFields {
    #[serde(default)]
    open: Vec<CivilInterval>,
    #[serde(default)]
    breaks: Vec<CivilInterval>,
}

impl TryFrom<DayHoursFields> for DayHours {
    type Error = HoursError;

    fn try_from(fields: DayHoursFields) -> Result<Self, HoursError> {
        Self::new(fields.open, fields.breaks)
    }
}

impl DayHours {
    /// The hours, sorted; refused when open intervals overlap, or breaks do.
    pub fn new(
        mut open: Vec<CivilInterval>,
        mut breaks: Vec<CivilInterval>,
    ) -> Result<Self, HoursError> {
        sort_disjoint(&mut open)?;
        sort_disjoint(&mut breaks)?;
        Ok(Self { open, breaks })
    }

    /// Closed all day.
    pub fn closed() -> Self {
        Self::default()
    }

    /// When it is open, in order, breaks not yet taken out.
    pub fn open(&self) -> &[CivilInterval] {
        &self.open
    }

    /// The breaks, in order.
    pub fn breaks(&self) -> &[CivilInterval] {
        &self.breaks
    }

    /// Whether the whole day is closed.
    pub fn is_closed(&self) -> bool {
        self.open.is_empty()
    }
}

fn sort_disjoint(intervals: &mut [CivilInterval]) -> Result<(), HoursError> {
    intervals.sort_unstable();
    for pair in intervals.windows(2) {
        if let [first, second] = *pair
            && first.overlaps(second)
        {
            return Err(HoursError::Overlap { first, second });
        }
    }
    Ok(())
}

/// The hours of a week by ISO weekday: 1 is Monday, 7 is Sunday (CTR-53). A missing day is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, DayHours>")]
pub struct WeeklyHours(BTreeMap<u8, DayHours>);

impl TryFrom<BTreeMap<String, DayHours>> for WeeklyHours {
    type Error = HoursError;

    fn try_from(days: BTreeMap<String, DayHours>) -> Result<Self, HoursError> {
        let days = days.into_iter().map(|(day, hours)| match day.parse() {
            Ok(day @ 1..=7) => Ok((day, hours)),
            _ => Err(HoursError::NotAWeekday(day)),
        });
        days.collect::<Result<_, _>>().map(Self)
    }
}

impl WeeklyHours {
    /// The week with these days; refused when a weekday is not 1 to 7.
    pub fn new(days: impl IntoIterator<Item = (u8, DayHours)>) -> Result<Self, HoursError> {
        let days = days.into_iter().map(|(day, hours)| match day {
            1..=7 => Ok((day, hours)),
            _ => Err(HoursError::NotAWeekday(day.to_string())),
        });
        days.collect::<Result<_, _>>().map(Self)
    }

    /// The same hours on several weekdays.
    pub fn on(
        weekdays: impl IntoIterator<Item = u8>,
        hours: &DayHours,
    ) -> Result<Self, HoursError> {
        Self::new(weekdays.into_iter().map(|day| (day, hours.clone())))
    }

    /// The hours of an ISO weekday; `None` is closed.
    pub fn day(&self, weekday: u8) -> Option<&DayHours> {
        self.0.get(&weekday)
    }

    /// The days that are listed, in order.
    pub fn days(&self) -> impl Iterator<Item = (u8, &DayHours)> {
        self.0.iter().map(|(day, hours)| (*day, hours))
    }

    /// Whether no day is open.
    pub fn is_closed(&self) -> bool {
        self.0.values().all(DayHours::is_closed)
    }
}

/// A date with its own hours: a holiday, a training day, a long Saturday. It replaces the weekly
/// hours of that date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateException {
    /// The local date.
    pub date: NaiveDate,
    /// Its hours; closed when nothing is open.
    pub hours: DayHours,
    /// Why, for the people who ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
