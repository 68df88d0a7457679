//! Months, in UTC, as the log counts time.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A month in UTC: `2026-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// Its first day.
    first: NaiveDate,
}

impl Month {
    /// The month that an instant lies in.
    pub(crate) fn of(instant: DateTime<Utc>) -> Self {
        let day = instant.date_naive();
        Self { first: day.with_day(1).unwrap_or(day) }
    }

    /// The month after it.
    pub(crate) fn next(self) -> Self {
        let next = self.first.checked_add_months(Months::new(1));
        Self { first: next.unwrap_or(NaiveDate::MAX) }
    }

    /// Its first instant.
    pub(crate) fn start(self) -> DateTime<Utc> {
        self.first.and_time(NaiveTime::MIN).and_utc()
    }

    /// Whether an instant lies in it.
    pub(crate) fn includes(self, instant: DateTime<Utc>) -> bool {
        self.start() <= instant && instant < self.next().start()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.format("%Y-%m").fmt(f)
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
        let month = first.ok().map(|first| Self { first });
        month
            .filter(|it| it.to_string() == text)
            .ok_or_else(|| format!("`{text}` is no month: it is spelled as 2026-10"))
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_one_begins() {
        let month: Month = "2026-12".parse().expect("a month");
        assert_eq!(month.next().to_string(), "2027-01");
        assert!(month.includes("2026-12-31T23:59:59.999999Z".parse().expect("an instant")));
        let next = "2027-01-01T00:00:00Z".parse().expect("an instant");
        assert!(!month.includes(next) && month.next() == Month::of(next));
    }

    #[test]
    fn a_month_has_one_spelling() {
        for text in ["2026-1", "2026-13", "2026-10-01", "", "26-10", "2026-00", "+2026-10"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
