//! Fields that refuse what no column, no clock and no calendar holds.
//!
//! Every instant, date and text of a request is one of these types, so that the bounds stand here
//! and nowhere else. Arithmetic on what they let in cannot leave the calendar of `chrono`.

use std::{borrow::Cow, fmt, ops::RangeInclusive};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::TZ_VARIANTS;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr, Schema, SchemaFormat,
        schema::{AnyOfBuilder, ObjectBuilder, Type},
    },
};

/// The years that are booked in. One year below the end, so that offsets do not cross it.
const YEARS: RangeInclusive<i32> = 1970..=9998;

fn within<D: Datelike, E: serde::de::Error>(date: D) -> Result<D, E> {
    if YEARS.contains(&date.year()) {
        Ok(date)
    } else {
        Err(E::custom("a year lies between 1970 and 9998"))
    }
}

/// An instant, as RFC 3339 with an offset.
#[derive(Clone, Copy, Debug)]
pub struct Instant(pub DateTime<Utc>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = DateTime::<FixedOffset>::deserialize(deserializer)?.to_utc();
        within(at).map(Self)
    }
}

/// A date without a zone.
#[derive(Clone, Copy, Debug)]
pub struct LocalDate(pub NaiveDate);

impl<'de> Deserialize<'de> for LocalDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        within(NaiveDate::deserialize(deserializer)?).map(Self)
    }
}

/// A wall clock time without a zone.
#[derive(Clone, Copy, Debug)]
pub struct Local(pub NaiveDateTime);

impl<'de> Deserialize<'de> for Local {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        within(NaiveDateTime::deserialize(deserializer)?).map(Self)
    }
}

/// An instant, or a date of the branch.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// An instant.
    Instant(Instant),
    /// A whole local day.
    Date(LocalDate),
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::Date(LocalDate(within(date)?)));
        }
        let at = DateTime::parse_from_rfc3339(&text)
            .map_err(|_neither| D::Error::custom("a date or an instant with an offset"))?;
        Ok(Self::Instant(Instant(within(at.to_utc())?)))
    }
}

/// A moment of a tenant's history: an instant, or a position.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Everything that the log had taken by then.
    Instant(Instant),
    /// Everything up to that event.
    Position(u64),
    /// Everything up to that event, at the time of whoever asks: what a receipt is compared with.
    Receipt(u64),
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        let neither = || D::Error::custom("an instant with an offset, or a position");
        match Either::deserialize(deserializer).map_err(|_neither| neither())? {
            Either::Number(position) => Ok(Self::Position(position)),
            // In a query every number is a text.
            Either::Text(text) => match text.parse() {
                Ok(position) => Ok(Self::Position(position)),
                Err(_no_number) => {
                    let at = DateTime::parse_from_rfc3339(&text).map_err(|_neither| neither())?;
                    Ok(Self::Instant(Instant(within(at.to_utc())?)))
                }
            },
        }
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let position = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let position = position.maximum(Some(isize::MAX));
        AnyOfBuilder::new().item(Instant::schema()).item(position).into()
    }
}

impl ToSchema for Moment {}

/// A text of at most so many characters, without the NUL that PostgreSQL cannot keep. It may be
/// personal, so it stays out of every debug text.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<const MOST: usize>(String);

/// Why a thing was done.
pub type Reason = Text<500>;
/// What the customer or the staff noted.
pub type Notes = Text<2000>;
/// An id of another system.
pub type Reference = Text<200>;

impl<const MOST: usize> Text<MOST> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MOST: usize> fmt::Debug for Text<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Text<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if MOST < text.chars().count() {
            return Err(D::Error::custom(format!("a text has at most {MOST} characters here")));
        }
        if text.contains('\0') {
            return Err(D::Error::custom("a text holds no NUL character"));
        }
        Ok(Self(text))
    }
}

/// The years of an instant and a date, as the document says them.
const YEAR: &str = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-";

macro_rules! schemas {
    ($($kind:ident, $format:expr, $pattern:expr, $example:expr, $said:expr;)+) => {$(
        impl PartialSchema for $kind {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                let text = text.format($format).pattern($pattern);
                text.examples([json!($example)]).description(Some($said)).into()
            }
        }

        impl ToSchema for $kind {}
    )+};
}
schemas! {
    Instant, Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)), Some(YEAR), "2026-12-02T10:00:00+01:00",
        "RFC 3339 with an offset; a year between 1970 and 9998";
    LocalDate, Some(SchemaFormat::KnownFormat(KnownFormat::Date)), Some(YEAR), "2026-12-02",
        "a local date; a year between 1970 and 9998";
    Local, None, Some("^(19[7-9][0-9]|[2-8][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"), "2026-12-02T10:00:00", "a wall clock time without an offset";
}

impl PartialSchema for When {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new().item(Instant::schema()).item(LocalDate::schema()).into()
    }
}

impl ToSchema for When {}

/// The name of a time zone, for the document alone: the values are `chrono_tz`'s own.
#[derive(Debug)]
pub struct Zone;

impl PartialSchema for Zone {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.enum_values(Some(TZ_VARIANTS.iter().map(|zone| zone.name()))).into()
    }
}

impl ToSchema for Zone {}

/// A text of any length, for the document alone.
#[derive(Debug)]
pub struct AnyText;

impl PartialSchema for AnyText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[^\\x00]*$")).into()
    }
}

impl ToSchema for AnyText {}

impl<const MOST: usize> PartialSchema for Text<MOST> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.max_length(Some(MOST)).pattern(Some("^[^\\x00]*$")).into()
    }
}

impl<const MOST: usize> ToSchema for Text<MOST> {
    fn name() -> Cow<'static, str> {
        format!("Text{MOST}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_calendar_are_refused_and_the_last_day_is_not() {
        for year in ["+262142-12-31", "-262143-01-01", "0000-01-01", "9999-01-01", "1969-12-31"] {
            let at = json!(format!("{year}T00:00:00Z"));
            assert!(serde_json::from_value::<Instant>(at.clone()).is_err(), "{at}");
            assert!(serde_json::from_value::<When>(at.clone()).is_err(), "{at}");
            assert!(serde_json::from_value::<LocalDate>(json!(year)).is_err(), "{year}");
            assert!(serde_json::from_value::<When>(json!(year)).is_err(), "{year}");
            let local = json!(format!("{year}T00:00:00"));
            assert!(serde_json::from_value::<Local>(local).is_err(), "{year}");
        }
        assert!(serde_json::from_value::<Instant>(json!("9998-12-31T23:59:59Z")).is_ok());
        assert!(serde_json::from_value::<When>(json!("9998-12-31")).is_ok());
    }

    #[test]
    fn a_text_is_counted_in_characters() {
        assert!(serde_json::from_value::<Text<3>>(json!("äöü")).is_ok());
        assert!(serde_json::from_value::<Text<3>>(json!("äöüß")).is_err());
        assert!(serde_json::from_value::<Text<3>>(json!("a\0")).is_err());
    }
}
