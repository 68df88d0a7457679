//! The bookable calendars: of staff, of resources, and the daily count of a service.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::{ResourceId, ServiceId, StaffId};

/// A calendar that claims are made on. As text `staff:<uuid>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CalendarId {
    /// A staff member: one thing at a time.
    Staff(StaffId),
    /// A room or a piece of equipment: as many units as it has.
    Resource(ResourceId),
    /// The daily count of a service with a limit per day.
    Service(ServiceId),
}

/// A text that names no calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a calendar is staff:, resource: or service: and a UUID, not {0:?}")]
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
        let id: uuid::Uuid = id.parse().map_err(|_| not_a_calendar())?;
        match kind {
            "staff" => Ok(Self::Staff(id.into())),
            "resource" => Ok(Self::Resource(id.into())),
            "service" => Ok(Self::Service(id.into())),
            _ => Err(not_a_calendar()),
        }
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
