//! When the occurrences of a series begin: RRULE over wall-clock time of a zone (RFC 5545).
//!
//! The rule, its first start and its zone are kept as they were asked for; the occurrences are
//! worked out once, when the series starts, and become appointments. Nothing expands a rule later.
//!
//! Decisions:
//! - `UNTIL` may be given as local time or as a date; both are understood in the series' zone;
//! - an occurrence inside a DST gap is kept, at the offset before the gap: 02:30 becomes 03:30. RFC
//!   5545 3.3.10 would drop it, and a customer would miss an appointment that everybody counts on;
//! - an ambiguous time is its first occurrence;
//! - a first start inside a gap is refused, since it would drag the whole series to another hour;
//! - `COUNT` and `UNTIL` together are refused, and so is a rule finer than a day.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};
use serde::{Deserialize, Serialize};

/// A rule, its first start and its zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesRule {
    /// RFC 5545 text without `RRULE:`, such as `FREQ=WEEKLY;COUNT=4`.
    pub rrule: String,
    /// The first start, on the wall clock.
    pub starts_at_local: NaiveDateTime,
    /// The zone of the wall clock.
    pub zone: Tz,
    /// Starts that are left out, as `EXDATE` does (RFC 5545 3.8.5.1): they do not extend `COUNT`,
    /// and one that the rule does not produce changes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<NaiveDateTime>,
    /// Starts that are added, as `RDATE` does (RFC 5545 3.8.5.2): they do not count towards
    /// `COUNT`, and one that the rule produces anyway is there once. `except` wins over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<NaiveDateTime>,
}

/// Why a rule is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not RFC 5545.
    #[error("the rule cannot be understood: {0}")]
    NotARule(String),
    /// `COUNT` and `UNTIL` exclude each other.
    #[error("a rule has COUNT or UNTIL, not both")]
    CountAndUntil,
    /// More often than daily.
    #[error("a series repeats daily, weekly, monthly or yearly")]
    TooFine,
    /// The zone skips that time.
    #[error("{0} does not exist in the zone of the series")]
    InAGap(NaiveDateTime),
    /// The rule does not produce the first start.
    #[error(
        "`starts_at_local` {first} is not a start that `rrule` produces{}.",
        next.map(|next| format!("; the next one is {next}")).unwrap_or_default()
    )]
    FirstDoesNotFollow {
        /// What was asked for.
        first: NaiveDateTime,
        /// The first start that the rule produces.
        next: Option<NaiveDateTime>,
    },
    /// An added start is before the first.
    #[error("`also` has {0}, which is before `starts_at_local`.")]
    AddedBeforeFirst(NaiveDateTime),
}

impl RuleError {
    /// The field that is wrong.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::NotARule(_) | Self::CountAndUntil | Self::TooFine => "rrule",
            Self::InAGap(_) | Self::FirstDoesNotFollow { .. } => "starts_at_local",
            Self::AddedBeforeFirst(_) => "also",
        }
    }
}

impl SeriesRule {
    /// A rule without exceptions.
    pub fn new(rrule: impl Into<String>, starts_at_local: NaiveDateTime, zone: Tz) -> Self {
        let (except, also) = (Vec::new(), Vec::new());
        Self { rrule: rrule.into(), starts_at_local, zone, except, also }
    }

    /// The starts in order, at most `limit` of them.
    pub fn starts(&self, limit: u16) -> Result<Vec<DateTime<Utc>>, RuleError> {
        let zone = rrule::Tz::from(self.zone);
        let local = |time: &NaiveDateTime| resolve(*time, self.zone).with_timezone(&zone);
        if matches!(self.zone.from_local_datetime(&self.starts_at_local), LocalResult::None) {
            return Err(RuleError::InAGap(self.starts_at_local));
        }
        let first = local(&self.starts_at_local);
        let rule = self.parse()?.validate(first).map_err(not_a_rule)?;
        let set = RRuleSet::new(first)
            .rrule(rule)
            .set_rdates(self.also.iter().map(local).collect())
            .set_exdates(self.except.iter().map(local).collect());
        // The crate keeps an added start that the rule has anyway: ask for as many more.
        let spare = u16::try_from(self.also.len()).unwrap_or(u16::MAX);
        let result = set.all(limit.saturating_add(spare));
        let mut starts: Vec<_> = result.dates.into_iter().map(|start| start.to_utc()).collect();
        starts.sort_unstable();
        starts.dedup();
        starts.truncate(limit.into());
        Ok(starts)
    }

    /// As [`SeriesRule::starts`], for a series that begins with its first start: the rule produces
    /// it, or it is among the added ones, or it is left out explicitly.
    pub fn starts_from_the_first(&self, limit: u16) -> Result<Vec<DateTime<Utc>>, RuleError> {
        let starts = self.starts(limit)?;
        let first = self.starts_at_local;
        if let Some(before) = self.also.iter().find(|added| **added < first) {
            return Err(RuleError::AddedBeforeFirst(*before));
        }
        let begin = resolve(first, self.zone);
        if starts.first() == Some(&begin) || self.also.contains(&first) {
            return Ok(starts);
        }
        // A first start that is left out has to be one of the rule's own all the same.
        let whole = Self { except: Vec::new(), also: Vec::new(), ..self.clone() };
        let next = whole.starts(1)?.first().copied();
        if next == Some(begin) && self.except.contains(&first) {
            return Ok(starts);
        }
        let next = next.map(|next| next.with_timezone(&self.zone).naive_local());
        Err(RuleError::FirstDoesNotFollow { first, next })
    }

    fn parse(&self) -> Result<RRule<Unvalidated>, RuleError> {
        let text = self.rrule.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        let (mut has_count, mut has_until) = (false, false);
        let mut parts = Vec::new();
        for part in text.split(';') {
            has_count |= part.starts_with("COUNT=");
            match part.strip_prefix("UNTIL=") {
                Some(until) => {
                    has_until = true;
                    parts.push(format!("UNTIL={}", self.until_in_utc(until)?));
                }
                None => parts.push(part.to_owned()),
            }
        }
        if has_count && has_until {
            return Err(RuleError::CountAndUntil);
        }
        let rule: RRule<Unvalidated> = parts.join(";").parse().map_err(not_a_rule)?;
        match rule.get_freq() {
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => {
                Ok(rule)
            }
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                Err(RuleError::TooFine)
            }
        }
    }

    /// The standard wants `UNTIL` in UTC; people say it in their own time, or as a last date.
    fn until_in_utc(&self, until: &str) -> Result<String, RuleError> {
        const STAMP: &str = "%Y%m%dT%H%M%S";
        if until.ends_with('Z') {
            return Ok(until.to_owned());
        }
        let last_second = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN);
        let local = NaiveDateTime::parse_from_str(until, STAMP).or_else(|_| {
            NaiveDate::parse_from_str(until, "%Y%m%d").map(|date| date.and_time(last_second))
        });
        let local = local.map_err(|_neither_form| RuleError::NotARule(format!("UNTIL={until}")))?;
        Ok(format!("{}Z", resolve(local, self.zone).format(STAMP)))
    }
}

fn not_a_rule(error: rrule::RRuleError) -> RuleError {
    RuleError::NotARule(error.to_string())
}

/// The instant of a wall-clock time: the first of two, and after a gap by as much as it was late.
fn resolve(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        LocalResult::None => {
            // The offset a day earlier is the one before the gap.
            let before = zone.offset_from_utc_datetime(&(local - chrono::Duration::days(1)));
            let offset = chrono::Offset::fix(&before);
            (local - offset).and_utc()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_vector_expands_as_recorded() {
        let file: Value = serde_json::from_str(include_str!("../../vectors/rrule.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert!(20 < vectors.len());
        for vector in vectors {
            let texts = |name: &str| {
                let list = vector[name].as_array().cloned().unwrap_or_default();
                list.iter().map(|text| stamp(text.as_str().unwrap())).collect::<Vec<_>>()
            };
            let rule = SeriesRule {
                rrule: vector["rrule"].as_str().unwrap().to_owned(),
                starts_at_local: stamp(vector["dtstart"].as_str().unwrap()),
                zone: vector["tzid"].as_str().unwrap().parse().unwrap(),
                except: texts("exdate"),
                also: texts("rdate"),
            };
            let limit = vector["truncated_at"].as_u64().unwrap_or(400);
            let wanted: Vec<DateTime<Utc>> = vector["occurrences"]
                .as_array()
                .unwrap()
                .iter()
                .map(|occurrence| occurrence["utc"].as_str().unwrap().parse().unwrap())
                .collect();
            let starts = rule.starts(limit.try_into().unwrap());
            assert_eq!(starts, Ok(wanted), "{}", vector["id"]);
        }
    }

    #[test]
    fn until_is_understood_in_utc_in_local_time_and_as_a_last_date() {
        let starts = |until: &str| berlin(&format!("FREQ=WEEKLY;UNTIL={until}")).starts(60);
        let utc = starts("20250630T120000Z");
        assert_eq!(utc.as_ref().map(Vec::len), Ok(5));
        assert_eq!(starts("20250630T140000"), utc);
        assert_eq!(starts("20250630"), utc);
        assert_eq!(starts("20250630T135959").map(|starts| starts.len()), Ok(4));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let refused = |rule: &str| berlin(rule).starts(60).unwrap_err();
        assert!(matches!(refused("every monday"), RuleError::NotARule(_)));
        assert!(matches!(refused("FREQ=WEEKLY;UNTIL=soon"), RuleError::NotARule(_)));
        assert!(matches!(refused("FREQ=WEEKLY;UNTIL=20240101"), RuleError::NotARule(_)));
        assert_eq!(refused("FREQ=HOURLY;COUNT=4"), RuleError::TooFine);
        assert_eq!(refused("FREQ=WEEKLY;COUNT=4;UNTIL=20250630"), RuleError::CountAndUntil);
    }

    #[test]
    fn first_start_that_does_not_exist_or_does_not_follow_is_refused() {
        let gap = stamp("20250330T023000");
        let rule = SeriesRule::new("FREQ=DAILY;COUNT=4", gap, chrono_tz::Europe::Berlin);
        assert_eq!(rule.starts(60), Err(RuleError::InAGap(gap)));
        let tuesdays = berlin("FREQ=WEEKLY;BYDAY=TU;COUNT=4");
        let (first, next) = (stamp("20250602T140000"), Some(stamp("20250603T140000")));
        let refused = Err(RuleError::FirstDoesNotFollow { first, next });
        assert_eq!(tuesdays.starts_from_the_first(60), refused);
        let except = vec![first];
        let excluded = SeriesRule { except, ..tuesdays.clone() };
        assert_eq!(
            excluded.starts_from_the_first(60),
            refused,
            "it was not the rule's to leave out"
        );
        let mondays = berlin("FREQ=WEEKLY;BYDAY=MO;COUNT=4");
        assert_eq!(mondays.starts_from_the_first(60).map(|starts| starts.len()), Ok(4));
    }

    #[test]
    fn added_and_excluded_starts_mean_what_rdate_and_exdate_mean() {
        let mondays = |except: &[&str], also: &[&str]| {
            let list = |texts: &[&str]| texts.iter().map(|text| stamp(text)).collect();
            let (except, also) = (list(except), list(also));
            let rule = SeriesRule { except, also, ..berlin("FREQ=WEEKLY;BYDAY=MO;COUNT=4") };
            let starts = rule.starts_from_the_first(60)?;
            let local = starts.iter().map(|at| at.with_timezone(&rule.zone).naive_local());
            Ok(local.map(|at| at.format("%m%dT%H").to_string()).collect::<Vec<_>>())
        };
        // An excluded start does not extend COUNT; one that is no start of the rule means nothing.
        let left = mondays(&["20250609T140000", "20250610T140000"], &[]);
        assert_eq!(left.unwrap(), ["0602T14", "0616T14", "0623T14"]);
        // An added start does not use up COUNT, and is there once.
        let more = mondays(&[], &["20250604T100000", "20250609T140000"]);
        assert_eq!(more.unwrap(), ["0602T14", "0604T10", "0609T14", "0616T14", "0623T14"]);
        // What is added and excluded is excluded.
        let both = mondays(&["20250604T100000"], &["20250604T100000"]);
        assert_eq!(both.unwrap(), ["0602T14", "0609T14", "0616T14", "0623T14"]);
        let without_the_first = mondays(&["20250602T140000"], &[]);
        assert_eq!(without_the_first.unwrap(), ["0609T14", "0616T14", "0623T14"]);
        let early = stamp("20250601T140000");
        assert_eq!(mondays(&[], &["20250601T140000"]), Err(RuleError::AddedBeforeFirst(early)));
    }

    fn berlin(rule: &str) -> SeriesRule {
        SeriesRule::new(rule, stamp("20250602T140000"), chrono_tz::Europe::Berlin)
    }

    fn stamp(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").unwrap()
    }
}
