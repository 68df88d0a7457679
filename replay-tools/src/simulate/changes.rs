//! The file of changes: which thing would have been otherwise, in what, and since when.

use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Tz;
use daybook_domain::{
    hours::DateException,
    ids::{BranchId, CompanyId, ServiceId, StaffId},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A file that is valid, for whoever writes one.
pub const EXAMPLE: &str = include_str!("example.json");

/// What would have been otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// One thing each; later ones come over earlier ones.
    pub changes: Vec<Change>,
}

/// One thing that would have been otherwise. Fields that are not named stay as they were.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// The company, or one of the three that follow.
    pub company: Option<CompanyId>,
    /// The branch.
    pub branch: Option<BranchId>,
    /// The staff member.
    pub staff: Option<StaffId>,
    /// The service.
    pub service: Option<ServiceId>,
    /// Decisions from then on are judged by it: the first instant of a local date, or an instant.
    /// Absent means since ever.
    pub from: Option<Since>,
    /// Fields of the profile of a branch, staff member or service; phases by their `key`.
    pub profile: Option<Map<String, Value>>,
    /// Weekly hours of a branch or staff member, by weekday; `null` is closed.
    pub hours: Option<Map<String, Value>>,
    /// Where the hours of the staff member are meant; everywhere when absent.
    pub at_branch: Option<BranchId>,
    /// Dates with hours of their own, of a branch or staff member.
    pub exceptions: Vec<DateException>,
    /// Dates that have their weekly hours after all.
    pub without_exceptions: Vec<NaiveDate>,
    /// Terms of a company: `cancellation`, `reschedule`, `recurring`.
    pub policies: Option<Map<String, Value>>,
    /// Fields of those who do a service, by their `staff_id`.
    pub assignments: Option<Vec<Map<String, Value>>>,
}

/// Since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Since {
    /// The beginning of a date, on the thing's own clock.
    Date(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl TryFrom<String> for Since {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = text.parse().map(Self::Date);
        date.or_else(|_no_date| text.parse().map(Self::Instant)).map_err(
            |_neither: chrono::ParseError| {
                format!("a date such as 2026-09-01, or an instant with its offset, not {text:?}")
            },
        )
    }
}

impl Since {
    /// The instant, on the clocks of a zone; `None` if the zone has no such date.
    pub(super) fn instant(self, zone: Tz) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant(at) => Some(at),
            // Some zones skip midnight when clocks go forward.
            Self::Date(date) => (0..24).find_map(|hour| {
                let local = date.and_hms_opt(hour, 0, 0)?;
                zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
            }),
        }
    }
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Company(CompanyId),
    Branch(BranchId),
    Staff(StaffId),
    Service(ServiceId),
}

impl Change {
    /// The one thing that it names, if what it says fits that thing.
    pub(super) fn thing(&self) -> anyhow::Result<Thing> {
        let things = [
            self.company.map(Thing::Company),
            self.branch.map(Thing::Branch),
            self.staff.map(Thing::Staff),
            self.service.map(Thing::Service),
        ];
        let mut named = things.into_iter().flatten();
        let (Some(thing), None) = (named.next(), named.next()) else {
            anyhow::bail!("a change names one of company, branch, staff and service");
        };
        let has_hours = self.hours.is_some();
        let has_dates = !self.exceptions.is_empty() || !self.without_exceptions.is_empty();
        let said = [
            ("profile", self.profile.is_some(), !matches!(thing, Thing::Company(_))),
            ("hours", has_hours, matches!(thing, Thing::Branch(_) | Thing::Staff(_))),
            ("at_branch", self.at_branch.is_some(), matches!(thing, Thing::Staff(_)) && has_hours),
            ("exceptions", has_dates, matches!(thing, Thing::Branch(_) | Thing::Staff(_))),
            ("policies", self.policies.is_some(), matches!(thing, Thing::Company(_))),
            ("assignments", self.assignments.is_some(), matches!(thing, Thing::Service(_))),
        ];
        for (field, is_said, fits) in said {
            anyhow::ensure!(fits || !is_said, "{field}: that is none of its fields");
        }
        anyhow::ensure!(said.iter().any(|(_, is_said, _)| *is_said), "it changes nothing");
        Ok(thing)
    }
}

/// Reads changes; a wrong field is named by its path.
pub fn read_changes(text: &str) -> anyhow::Result<Changes> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let changes: Changes = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| anyhow::anyhow!("{}: {}", error.path(), error.inner()))?;
    deserializer.end().context("something follows the changes")?;
    for (index, change) in changes.changes.iter().enumerate() {
        change.thing().map_err(|problem| anyhow::anyhow!("changes[{index}]: {problem}"))?;
    }
    Ok(changes)
}

pub(super) fn read_file(path: &Path) -> anyhow::Result<Changes> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
    read_changes(&text).with_context(|| format!("{} is no file of changes", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_valid() {
        assert_eq!(read_changes(EXAMPLE).expect("it is read").changes.len(), 5);
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        let id = "00000000-0000-0000-0000-000000000001";
        for (change, problem) in [
            (format!(r#"{{"branch": "{id}", "huors": {{}}}}"#), "changes[0].huors: unknown field"),
            (r#"{"branch": "Mitte", "hours": {}}"#.to_owned(), "changes[0].branch: "),
            (format!(r#"{{"branch": "{id}", "from": "Friday"}}"#), "changes[0].from: a date such"),
            (
                format!(r#"{{"branch": "{id}", "exceptions": [{{"date": "2026-13-01"}}]}}"#),
                "changes[0].exceptions[0].date: ",
            ),
            (format!(r#"{{"company": "{id}", "hours": {{}}}}"#), "changes[0]: hours: that is none"),
            (format!(r#"{{"staff": "{id}"}}"#), "changes[0]: it changes nothing"),
            (r#"{"hours": {}}"#.to_owned(), "changes[0]: a change names one of"),
        ] {
            let error = read_changes(&format!(r#"{{"changes": [{change}]}}"#)).err();
            let error = error.expect("it is refused").to_string();
            assert!(error.starts_with(problem), "{change}: {error}");
        }
    }

    #[test]
    fn a_date_begins_at_local_midnight() {
        let since = Since::try_from("2026-09-01".to_owned()).expect("a date");
        let midnight = since.instant(chrono_tz::Europe::Berlin).expect("an instant");
        assert_eq!(midnight.to_rfc3339(), "2026-08-31T22:00:00+00:00");
    }
}
