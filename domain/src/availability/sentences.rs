//! What each reason says to a person.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{
    facts::BusyKind,
    reasons::{Reason, Why},
};
use crate::{
    hours::CivilInterval,
    ids::{ServiceId, StaffId},
};

/// Intervals with commas; `not at all` without any.
fn intervals(open: &[CivilInterval]) -> String {
    if open.is_empty() {
        return "not at all".to_owned();
    }
    open.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

const fn busy(kind: BusyKind) -> &'static str {
    match kind {
        BusyKind::Hold => "a hold",
        BusyKind::Pending => "an unconfirmed appointment",
        BusyKind::Booked => "an appointment",
        BusyKind::Block => "a blocked time",
        BusyKind::External => "an entry of another calendar",
    }
}

/// A sentence of its own for every code (AVL-20).
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed { kind, slot, .. } => {
                let (from, to) = (slot.from.to_rfc3339(), slot.to.to_rfc3339());
                write!(f, "The staff member has {} from {from} to {to}.", busy(*kind))
            }
            Self::BufferCollision { kind, slot, .. } => {
                let (from, to) = (slot.from.to_rfc3339(), slot.to.to_rfc3339());
                let kind = busy(*kind);
                write!(
                    f,
                    "The buffer collides with {kind} of the staff member from {from} to {to}."
                )
            }
            Self::NoticeTooShort { earliest } => {
                write!(f, "The start is too soon; the earliest is {}.", earliest.to_rfc3339())
            }
            Self::TooFarAhead { last_date } => {
                write!(f, "The start is too far ahead; the last date is {last_date}.")
            }
            Self::OffGrid { grid_min } => {
                write!(f, "The start must be a multiple of {grid_min} minutes of the local clock.")
            }
            Self::BranchClosed { .. }
            | Self::StaffException { .. }
            | Self::Break { .. }
            | Self::OutsideHours { .. } => self.about_hours(f),
            Self::DailyLimitUsedUp { date, limit } => {
                write!(f, "The service is offered {limit} times a day and is full on {date}.")
            }
            Self::StaffDailyLimitUsedUp { date, limit } => {
                write!(
                    f,
                    "The staff member does the service {limit} times a day and is full on {date}."
                )
            }
            Self::RoleMissing { role } => {
                write!(f, "The staff member does not have the role \u{201c}{role}\u{201d}.")
            }
            Self::ResourceFull { needed, free, .. } => {
                write!(f, "A resource has {free} of {needed} needed units free.")
            }
            Self::DurationNotAdjustable { minutes: Some(minutes) } => {
                write!(f, "The service takes {minutes} minutes; its duration cannot be changed.")
            }
            Self::DurationOutOfRange { from_min, to_min, step_min } => {
                write!(
                    f,
                    "The service takes {from_min} to {to_min} minutes, in steps of {step_min}."
                )
            }
            other => f.write_str(other.fixed()),
        }
    }
}

impl Why {
    fn about_hours(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |reason: &Option<String>| {
            reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
        };
        match self {
            Self::BranchClosed { date, open, reason } => {
                let open = intervals(open);
                write!(f, "The branch is open {open} on {date}{}.", because(reason))
            }
            Self::StaffException { date, open, reason } => {
                let open = intervals(open);
                write!(f, "The staff member works {open} on {date}{}.", because(reason))
            }
            Self::Break { date, interval } => {
                write!(f, "The staff member has a break at {interval} on {date}.")
            }
            Self::OutsideHours { date, open } => {
                write!(f, "The working hours of the staff member on {date}: {}.", intervals(open))
            }
            other => f.write_str(other.fixed()),
        }
    }

    /// The sentence of a reason that carries no value; empty for the others.
    const fn fixed(&self) -> &'static str {
        match self {
            Self::NoService => "Name at least one service.",
            Self::BranchUnknown { .. } => "There is no such branch.",
            Self::BranchInactive { .. } => "The branch is inactive.",
            Self::ServiceUnknown => "There is no such service.",
            Self::ServiceInactive => {
                "Service not available for this branch: the service is inactive."
            }
            Self::ServiceNotOfferedHere { .. } => "The service is not offered at this branch.",
            Self::DurationNotAdjustable { .. } => {
                "The duration of a service with several phases cannot be changed."
            }
            Self::NoStaffAssigned => "No staff member is assigned to the service.",
            Self::StaffUnknown => "There is no such staff member.",
            Self::StaffInactive => "The staff member is inactive.",
            Self::StaffNotBookable => "The staff member does not take appointments.",
            Self::StaffNotAtBranch { .. } => "The staff member does not work at this branch.",
            Self::NotAssigned => "The staff member is not assigned to the service.",
            Self::AssignmentInactive => {
                "The assignment of the staff member to the service is inactive."
            }
            Self::InThePast => "The start must be in the future.",
            Self::ResourceMissing { .. } => "The branch has no resource that the service needs.",
            Self::ResourceClosed { .. } => "A resource that the service needs is closed then.",
            Self::RoleMissing { .. }
            | Self::NoticeTooShort { .. }
            | Self::DurationOutOfRange { .. }
            | Self::TooFarAhead { .. }
            | Self::OffGrid { .. }
            | Self::BranchClosed { .. }
            | Self::StaffException { .. }
            | Self::Break { .. }
            | Self::OutsideHours { .. }
            | Self::Claimed { .. }
            | Self::BufferCollision { .. }
            | Self::DailyLimitUsedUp { .. }
            | Self::StaffDailyLimitUsedUp { .. }
            | Self::ResourceFull { .. } => "",
        }
    }

    /// The field of a request that is at fault, if one is.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoService => Some("services"),
            Self::BranchUnknown { .. } | Self::BranchInactive { .. } => Some("branch_id"),
            Self::ServiceUnknown | Self::ServiceInactive | Self::ServiceNotOfferedHere { .. } => {
                Some("service_id")
            }
            Self::StaffUnknown
            | Self::StaffInactive
            | Self::StaffNotBookable
            | Self::StaffNotAtBranch { .. }
            | Self::NotAssigned => Some("staff_id"),
            Self::DurationNotAdjustable { .. } | Self::DurationOutOfRange { .. } => {
                Some("duration_minutes")
            }
            _ => None,
        }
    }
}

/// A reason with its sentence in `detail`.
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(flatten)]
            why: &'a Why,
            detail: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            service_id: Option<ServiceId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            phase: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            staff_id: Option<StaffId>,
        }
        let Self { why, service_id, phase, staff_id } = self;
        let (service_id, phase, staff_id) = (*service_id, phase.as_deref(), *staff_id);
        Fields { why, detail: why.to_string(), service_id, phase, staff_id }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, NaiveDate};
    use uuid::Uuid;

    use super::*;
    use crate::{ids::BranchId, slot::Slot};

    fn all() -> Vec<Why> {
        let (date, at) = (NaiveDate::default(), DateTime::UNIX_EPOCH);
        let branch_id = BranchId::new(Uuid::nil());
        let resource_id = Uuid::nil().into();
        let slot = Slot { from: at, to: at };
        let (kind, appointment_id) = (BusyKind::Booked, None);
        let interval: CivilInterval =
            serde_json::from_str(r#"{ "from": "12:00", "to": "13:00" }"#).expect("an interval");
        let (open, reason) = (vec![interval], None);
        vec![
            Why::NoService,
            Why::BranchUnknown { branch_id },
            Why::BranchInactive { branch_id },
            Why::ServiceUnknown,
            Why::ServiceInactive,
            Why::ServiceNotOfferedHere { branch_id },
            Why::DurationNotAdjustable { minutes: Some(45) },
            Why::DurationOutOfRange { from_min: 30, to_min: 60, step_min: 15 },
            Why::NoStaffAssigned,
            Why::StaffUnknown,
            Why::StaffInactive,
            Why::StaffNotBookable,
            Why::StaffNotAtBranch { branch_id },
            Why::NotAssigned,
            Why::AssignmentInactive,
            Why::RoleMissing { role: "colour".to_owned() },
            Why::InThePast,
            Why::NoticeTooShort { earliest: at },
            Why::TooFarAhead { last_date: date },
            Why::OffGrid { grid_min: 15 },
            Why::BranchClosed { date, open: open.clone(), reason: reason.clone() },
            Why::StaffException { date, open: open.clone(), reason },
            Why::Break { date, interval },
            Why::OutsideHours { date, open },
            Why::Claimed { kind, slot, appointment_id },
            Why::BufferCollision { kind, slot, appointment_id },
            Why::DailyLimitUsedUp { date, limit: 2 },
            Why::StaffDailyLimitUsedUp { date, limit: 2 },
            Why::ResourceMissing { any_of: Vec::new() },
            Why::ResourceClosed { resource_id },
            Why::ResourceFull { resource_id, needed: 2, free: 1 },
        ]
    }

    #[test]
    fn every_code_has_a_sentence_of_its_own() {
        let mut seen = BTreeMap::new();
        for why in all() {
            let sentence = why.to_string();
            assert!(sentence.ends_with('.') && 10 < sentence.len(), "{}: {sentence}", why.code());
            let other = seen.insert(sentence.clone(), why.code());
            assert_eq!(other, None, "{}: {sentence}", why.code());
        }
        let codes: std::collections::BTreeSet<_> = seen.into_values().collect();
        assert_eq!(codes.len(), all().len(), "a code is used twice");
    }

    #[test]
    fn an_inactive_service_is_not_available_for_this_branch() {
        let sentence = Why::ServiceInactive.to_string();
        assert!(sentence.starts_with("Service not available for this branch"), "{sentence}");
        let branch_id = BranchId::new(Uuid::nil());
        assert_ne!(Why::ServiceNotOfferedHere { branch_id }.to_string(), sentence);
    }
}
