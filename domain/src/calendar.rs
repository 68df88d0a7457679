//! What can be claimed: a staff member's time, a resource's units, a service's daily places.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::{ResourceId, ServiceId, StaffId};

/// One bookable calendar, written `staff:<uuid>`, `resource:<uuid>` or `service:<uuid>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CalendarId {
    /// A staff member's time: one claim at a time.
    Staff(StaffId),
    /// A resource's units: as many at a time as its capacity.
    Resource(ResourceId),
    /// A service's places of a day: claims are counted, they may overlap.
    Service(ServiceId),
}

/// A text that names no calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a calendar is staff:<uuid>, resource:<uuid> or service:<uuid>, not {0:?}")]
pub struct NotACalendar(pub String);

impl fmt::Display for CalendarId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staff(id) => write!(f, "staff:{id}"),
            Self::Resource(id) => write!(f, "resource:{id}"),
            Self::Service(id) => write!(f, "service:{id}"),
        }
    }
}

impl FromStr for CalendarId {
    type Err = NotACalendar;

    fn from_str(text: &str) -> Result<Self, NotACalendar> {
        let not_a_calendar = || NotACalendar(text.to_owned());
        let (kind, id) = text.split_once(':').ok_or_else(not_a_calendar)?;
        match kind {
            "staff" => id.parse().map(Self::Staff).ok(),
            "resource" => id.parse().map(Self::Resource).ok(),
            "service" => id.parse().map(Self::Service).ok(),
            _ => None,
        }
        .ok_or_else(not_a_calendar)
    }
}

impl TryFrom<String> for CalendarId {
    type Error = NotACalendar;

    fn try_from(text: String) -> Result<Self, NotACalendar> {
        text.parse()
    }
}

impl From<CalendarId> for String {
    fn from(calendar: CalendarId) -> Self {
        calendar.to_string()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        let id = Uuid::from_u128(7);
        for calendar in [
            CalendarId::Staff(id.into()),
            CalendarId::Resource(id.into()),
            CalendarId::Service(id.into()),
        ] {
            assert_eq!(calendar.to_string().parse(), Ok(calendar));
        }
    }

    #[test]
    fn other_texts_name_no_calendar() {
        for text in ["", "staff", "staff:", "staff:7", "room:00000000-0000-0000-0000-000000000007"]
        {
            assert_eq!(text.parse::<CalendarId>(), Err(NotACalendar(text.to_owned())));
        }
    }
}
