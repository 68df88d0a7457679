//! Instants in events: RFC 3339, as chrono writes them, and read quickly when they are what Daybook
//! writes itself. A replay reads a dozen per booking; chrono's parser takes every spelling that
//! there is, and a quarter of the replay's time.
//!
//! `#[serde(with = "crate::instant")]` on a `DateTime<Utc>`.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserializer, Serialize as _, Serializer, de};

/// As chrono does it.
pub fn serialize<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    instant.serialize(serializer)
}

/// Every RFC 3339 instant; those in whole seconds of UTC quickly.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    deserializer.deserialize_str(Visitor)
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = DateTime<Utc>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 formatted date and time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
        match plain(text.as_bytes()) {
            Some(instant) => Ok(instant),
            None => text.parse().map_err(E::custom),
        }
    }
}

/// `2026-11-23T09:00:00Z`, nothing else.
fn plain(text: &[u8]) -> Option<DateTime<Utc>> {
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b'Z',
    ] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)?;
    let time = date.and_hms_opt(number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?)?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Quick(#[serde(with = "super")] DateTime<Utc>);

    proptest! {
        #[test]
        fn reads_what_chrono_writes_and_writes_what_chrono_reads(
            seconds in -62_135_596_800_i64..253_402_300_800,
            nanos in prop_oneof![Just(0_u32), 0..1_000_000_000_u32],
        ) {
            let instant = DateTime::from_timestamp(seconds, nanos).expect("it is in range");
            let text = serde_json::to_string(&instant).expect("it is written");
            prop_assert_eq!(serde_json::to_string(&Quick(instant)).expect("it is written"), &*text);
            let read: Quick = serde_json::from_str(&text).expect("it is read");
            prop_assert_eq!(read, Quick(instant));
        }

        /// Right or wrong, the answer is chrono's.
        #[test]
        fn agrees_with_chrono_on_whatever_looks_like_an_instant(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9][T t][0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|z|[+-][01][0-9]:00|\\.5Z)?",
        ) {
            let text = serde_json::to_string(&text).expect("it is text");
            let ours = serde_json::from_str::<Quick>(&text).ok().map(|quick| quick.0);
            let theirs = serde_json::from_str::<DateTime<Utc>>(&text).ok();
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
