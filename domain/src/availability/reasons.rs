//! Why a start is refused, as data: a stable code and what a person needs to understand it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::facts::BusyKind;
use crate::{
    calendar::CalendarId,
    hours::CivilInterval,
    ids::{AppointmentId, BranchId, ResourceId, ServiceId, StaffId},
    slot::Slot,
};

/// One reason, and whom and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// The service that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// The key of the phase that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The staff member that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff_id: Option<StaffId>,
}

impl Reason {
    /// A reason about the request as a whole.
    pub(super) fn general(why: Why) -> Self {
        Self { why, service_id: None, phase: None, staff_id: None }
    }

    /// A reason about a service.
    pub(super) fn of_service(why: Why, service_id: ServiceId) -> Self {
        Self { service_id: Some(service_id), ..Self::general(why) }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.why.code()
    }

    /// Whether time alone decided: another start may be free.
    pub fn is_about_the_time(&self) -> bool {
        self.why.is_about_the_time()
    }
}

/// What stands against a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Why {
    /// No service is asked for.
    NoService,
    /// The branch is not known here.
    BranchUnknown {
        /// Which.
        branch_id: BranchId,
    },
    /// The branch takes no bookings.
    BranchInactive {
        /// Which.
        branch_id: BranchId,
    },
    /// The service is not known here.
    ServiceUnknown,
    /// The service is not offered at all.
    ServiceInactive,
    /// The service is not offered at the branch (AVL-20).
    ServiceNotOfferedHere {
        /// Where.
        branch_id: BranchId,
    },
    /// A service of several phases has no single duration to change.
    DurationNotAdjustable,
    /// Nobody is assigned to the service.
    NoStaffAssigned,
    /// The staff member is not known here.
    StaffUnknown,
    /// The staff member has left or is suspended.
    StaffInactive,
    /// The staff member takes no appointments.
    StaffNotBookable,
    /// The staff member does not work at the branch.
    StaffNotAtBranch {
        /// Where.
        branch_id: BranchId,
    },
    /// The staff member does not do the service.
    NotAssigned,
    /// The staff member does not do the service at present.
    AssignmentInactive,
    /// The phase needs a role that the staff member does not have.
    RoleMissing {
        /// Which.
        role: String,
    },
    /// The start is over.
    InThePast,
    /// The start is too soon.
    NoticeTooShort {
        /// The earliest start.
        earliest: DateTime<Utc>,
    },
    /// The start is too far ahead.
    TooFarAhead {
        /// The last local date that can be booked.
        last_date: NaiveDate,
    },
    /// The start is not one of the service's starts.
    OffGrid {
        /// Starts are multiples of so many minutes of the local clock.
        grid_min: u16,
    },
    /// The branch is closed, or has other hours, on that date.
    BranchClosed {
        /// The local date.
        date: NaiveDate,
        /// When it is open after all.
        open: Vec<CivilInterval>,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The staff member is away, or has other hours, on that date.
    StaffException {
        /// The local date.
        date: NaiveDate,
        /// When the staff member works after all.
        open: Vec<CivilInterval>,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A break.
    Break {
        /// The local date.
        date: NaiveDate,
        /// Which one.
        interval: CivilInterval,
    },
    /// An event of the calendar cannot be read: what is taken of it is unknown.
    CalendarUnreadable {
        /// Which calendar.
        calendar: CalendarId,
        /// The time that is unknown; absent when it is all of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
    },
    /// An event of the branch or of the service cannot be read: how it stands is unknown.
    RecordUnreadable {
        /// `branch` or `service`.
        record: &'static str,
    },
    /// Outside the staff member's hours.
    OutsideHours {
        /// The local date.
        date: NaiveDate,
        /// The hours of that date.
        open: Vec<CivilInterval>,
    },
    /// The staff member's time is taken.
    Claimed {
        /// By what.
        kind: BusyKind,
        /// When.
        slot: Slot,
        /// By which appointment.
        #[serde(skip_serializing_if = "Option::is_none")]
        appointment_id: Option<AppointmentId>,
    },
    /// The time itself is free, the blocked minutes around it are not.
    BufferCollision {
        /// With what.
        kind: BusyKind,
        /// When.
        slot: Slot,
        /// With which appointment.
        #[serde(skip_serializing_if = "Option::is_none")]
        appointment_id: Option<AppointmentId>,
    },
    /// The service's places of that date are used up.
    DailyLimitUsedUp {
        /// The local date.
        date: NaiveDate,
        /// How many there are.
        limit: u16,
    },
    /// The staff member's places for the service on that date are used up.
    StaffDailyLimitUsedUp {
        /// The local date.
        date: NaiveDate,
        /// How many there are.
        limit: u16,
    },
    /// The phase needs a resource that the branch does not have.
    ResourceMissing {
        /// The resources that would do.
        any_of: Vec<ResourceId>,
    },
    /// A resource that would do cannot be used then.
    ResourceClosed {
        /// Which.
        resource_id: ResourceId,
    },
    /// A resource that would do is taken.
    ResourceFull {
        /// Which.
        resource_id: ResourceId,
        /// Units that are needed.
        needed: u16,
        /// Units that are free all the time.
        free: u16,
    },
}

impl Why {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoService => "NO_SERVICE",
            Self::BranchUnknown { .. } => "BRANCH_UNKNOWN",
            Self::BranchInactive { .. } => "BRANCH_INACTIVE",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
            Self::ServiceInactive => "SERVICE_INACTIVE",
            Self::ServiceNotOfferedHere { .. } => "SERVICE_NOT_OFFERED_HERE",
            Self::DurationNotAdjustable => "DURATION_NOT_ADJUSTABLE",
            Self::NoStaffAssigned => "NO_STAFF_ASSIGNED",
            Self::StaffUnknown => "STAFF_UNKNOWN",
            Self::StaffInactive => "STAFF_INACTIVE",
            Self::StaffNotBookable => "STAFF_NOT_BOOKABLE",
            Self::StaffNotAtBranch { .. } => "STAFF_NOT_AT_BRANCH",
            Self::NotAssigned => "NOT_ASSIGNED",
            Self::AssignmentInactive => "ASSIGNMENT_INACTIVE",
            Self::RoleMissing { .. } => "ROLE_MISSING",
            Self::InThePast => "IN_THE_PAST",
            Self::NoticeTooShort { .. } => "NOTICE_TOO_SHORT",
            Self::TooFarAhead { .. } => "TOO_FAR_AHEAD",
            Self::OffGrid { .. } => "OFF_GRID",
            Self::BranchClosed { .. } => "BRANCH_CLOSED",
            Self::StaffException { .. } => "STAFF_EXCEPTION",
            Self::Break { .. } => "BREAK",
            Self::CalendarUnreadable { .. } => "CALENDAR_UNREADABLE",
            Self::RecordUnreadable { .. } => "RECORD_UNREADABLE",
            Self::OutsideHours { .. } => "OUTSIDE_HOURS",
            Self::Claimed { .. } => "CLAIMED",
            Self::BufferCollision { .. } => "BUFFER_COLLISION",
            Self::DailyLimitUsedUp { .. } => "DAILY_LIMIT_USED_UP",
            Self::StaffDailyLimitUsedUp { .. } => "STAFF_DAILY_LIMIT_USED_UP",
            Self::ResourceMissing { .. } => "RESOURCE_MISSING",
            Self::ResourceClosed { .. } => "RESOURCE_CLOSED",
            Self::ResourceFull { .. } => "RESOURCE_FULL",
        }
    }

    /// Whether time alone decided: another start may be free.
    pub fn is_about_the_time(&self) -> bool {
        match self {
            Self::NoService
            | Self::BranchUnknown { .. }
            | Self::BranchInactive { .. }
            | Self::ServiceUnknown
            | Self::ServiceInactive
            | Self::ServiceNotOfferedHere { .. }
            | Self::DurationNotAdjustable
            | Self::NoStaffAssigned
            | Self::StaffUnknown
            | Self::StaffInactive
            | Self::StaffNotBookable
            | Self::StaffNotAtBranch { .. }
            | Self::NotAssigned
            | Self::AssignmentInactive
            | Self::RoleMissing { .. }
            | Self::CalendarUnreadable { slot: None, .. }
            | Self::RecordUnreadable { .. }
            | Self::ResourceMissing { .. } => false,
            Self::InThePast
            | Self::NoticeTooShort { .. }
            | Self::TooFarAhead { .. }
            | Self::OffGrid { .. }
            | Self::BranchClosed { .. }
            | Self::StaffException { .. }
            | Self::Break { .. }
            | Self::CalendarUnreadable { slot: Some(_), .. }
            | Self::OutsideHours { .. }
            | Self::Claimed { .. }
            | Self::BufferCollision { .. }
            | Self::DailyLimitUsedUp { .. }
            | Self::StaffDailyLimitUsedUp { .. }
            | Self::ResourceClosed { .. }
            | Self::ResourceFull { .. } => true,
        }
    }
}
