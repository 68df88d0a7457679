//! Civil times of a day and half-open intervals of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The grid of every hour, duration, buffer and start: 5 minutes.
pub const GRID_MIN: u16 = 5;

const DAY_MIN: u16 = 24 * 60;

/// Why hours are not hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// Not `HH:MM` between `00:00` and `24:00`.
    #[error("a time is HH:MM between 00:00 and 24:00, not {0:?}")]
    NotATime(String),
    /// Not a multiple of [`GRID_MIN`].
    #[error("{0} does not lie on the 5-minute grid")]
    OffGrid(CivilTime),
    /// The end is not after the start.
    #[error("{from}-{to} does not end after it starts")]
    Empty {
        /// The start.
        from: CivilTime,
        /// The end.
        to: CivilTime,
    },
    /// Two intervals of one day overlap.
    #[error("{first} and {second} overlap")]
    Overlap {
        /// The earlier interval.
        first: CivilInterval,
        /// The later interval.
        second: CivilInterval,
    },
    /// A weekday that is not 1 (Monday) to 7 (Sunday).
    #[error("a weekday is 1 (Monday) to 7 (Sunday), not {0}")]
    NotAWeekday(String),
}

/// A time of day in minutes since local midnight; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilTime(u16);

impl CivilTime {
    /// `00:00`.
    pub const MIDNIGHT: Self = Self(0);
    /// `24:00`.
    pub const END_OF_DAY: Self = Self(DAY_MIN);

    /// A time by its hour and minute, if it is one on the grid.
    pub fn new(hour: u16, minute: u16) -> Result<Self, HoursError> {
        let shown = || format!("{hour:02}:{minute:02}");
        if 59 < minute || 24 < hour || (hour == 24 && 0 < minute) {
            return Err(HoursError::NotATime(shown()));
        }
        let time = Self(hour * 60 + minute);
        if time.0.is_multiple_of(GRID_MIN) { Ok(time) } else { Err(HoursError::OffGrid(time)) }
    }

    /// Minutes since local midnight, 0 to 1440.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for CivilTime {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let not_a_time = || HoursError::NotATime(text.to_owned());
        let two_digits = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits {
                part.parse().map_err(|_not_digits| not_a_time())
            } else {
                Err(not_a_time())
            }
        };
        let (hour, minute) = text.split_once(':').ok_or_else(not_a_time)?;
        Self::new(two_digits(hour)?, two_digits(minute)?)
    }
}

impl TryFrom<String> for CivilTime {
    type Error = HoursError;

    fn try_from(text: String) -> Result<Self, HoursError> {
        text.parse()
    }
}

impl From<CivilTime> for String {
    fn from(time: CivilTime) -> Self {
        time.to_string()
    }
}

/// A half-open interval of one day, `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "CivilIntervalFields")]
pub struct CivilInterval {
    from: CivilTime,
    to: CivilTime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CivilIntervalFields {
    from: CivilTime,
    to: CivilTime,
}

impl TryFrom<CivilIntervalFields> for CivilInterval {
    type Error = HoursError;

    fn try_from(fields: CivilIntervalFields) -> Result<Self, HoursError> {
        Self::new(fields.from, fields.to)
    }
}

impl CivilInterval {
    /// The interval, if it ends after it starts.
    pub fn new(from: CivilTime, to: CivilTime) -> Result<Self, HoursError> {
        if from < to { Ok(Self { from, to }) } else { Err(HoursError::Empty { from, to }) }
    }

    /// The first minute inside.
    pub const fn from(self) -> CivilTime {
        self.from
    }

    /// The first minute outside.
    pub const fn to(self) -> CivilTime {
        self.to
    }

    /// Whether the two share a minute.
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

impl fmt::Display for CivilInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}
