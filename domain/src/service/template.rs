//! What a service is made of: phases, resources, rules, and the staff who do it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    hours::WeeklyHours,
    ids::{ResourceId, StaffId},
    money::Money,
};

/// One staff-active segment of a service (CTR-40) and what follows it (CTR-41).
///
/// All minutes lie on the 5-minute grid. The next phase begins when processing and transition are
/// both over: after `active_min + max(processing_min, transition_min)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseTemplate {
    /// The key within the service: `A`, `B` … (MD-17).
    pub key: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Staff and client are busy. At least 5.
    pub active_min: u16,
    /// Afterwards the client is busy, the staff member free and bookable.
    #[serde(default)]
    pub processing_min: u16,
    /// Afterwards the staff member is busy, the client is not needed.
    #[serde(default)]
    pub transition_min: u16,
    /// A room or a piece of equipment that is needed from its start until the next phase may begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceNeed>,
    /// The role that the staff member must have, such as `colourist`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether another staff member than the one of the first phase may do it.
    #[serde(default)]
    pub other_staff: bool,
}

impl PhaseTemplate {
    /// A phase with nothing but active minutes.
    pub fn active(key: impl Into<String>, active_min: u16) -> Self {
        Self {
            key: key.into(),
            name: None,
            active_min,
            processing_min: 0,
            transition_min: 0,
            resource: None,
            role: None,
            other_staff: false,
        }
    }

    /// Minutes from its start until the next phase may begin; a resource is occupied so long.
    pub fn span_min(&self) -> u32 {
        u32::from(self.active_min) + u32::from(self.processing_min.max(self.transition_min))
    }

    /// Minutes from its start that the staff member is busy.
    pub fn staff_min(&self) -> u32 {
        u32::from(self.active_min) + u32::from(self.transition_min)
    }

    /// Minutes from its start that the client is busy.
    pub fn client_min(&self) -> u32 {
        u32::from(self.active_min) + u32::from(self.processing_min)
    }
}

/// Any one of several resources, so many units of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceNeed {
    /// The resources that will do, in order of preference. At least one.
    pub any_of: Vec<ResourceId>,
    /// How many units of the chosen one. At least 1.
    #[serde(default = "one")]
    pub units: u16,
}

const fn one() -> u16 {
    1
}

/// When and how often a service may be booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BookingRules {
    /// Minutes between the request and the earliest start.
    pub min_notice_min: u32,
    /// Days between the request and the latest start.
    pub max_advance_days: u16,
    /// Starts lie on multiples of this many minutes of the local clock. A divisor of 1440 and a
    /// multiple of 5.
    pub grid_min: u16,
    /// Where the multiples count from.
    #[serde(skip_serializing_if = "is_default")]
    pub grid_from: GridFrom,
    /// Whether a free stretch may also begin off the grid, when more appointments fit into it then.
    #[serde(skip_serializing_if = "is_default")]
    pub snap: bool,
    /// A gap beside an appointment that is shorter, but not nothing, makes an offer worse. 0: no
    /// matter.
    #[serde(skip_serializing_if = "is_default")]
    pub min_gap_min: u16,
    /// Whether a start right next to another appointment is a better offer.
    #[serde(skip_serializing_if = "is_default")]
    pub prefer_adjacent: bool,
    /// Minutes that the staff member is blocked before the appointment. The larger of this and the
    /// staff member's own buffer counts; buffers of two appointments add up.
    pub buffer_before_min: u16,
    /// Minutes that the staff member is blocked after the appointment.
    pub buffer_after_min: u16,
    /// Whether a booking waits for a confirmation (MD-13). A pending one holds its place.
    pub requires_confirmation: bool,
    /// Other durations than its own that a client may ask for. Absent: none. Only a service of a
    /// single phase has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationRange>,
    /// Who is chosen when nobody is named. Absent: the primary staff member, then whoever is least busy
    /// on that date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentRule>,
    /// How often it may be booked.
    pub limits: BookingLimits,
}

/// Who is chosen among the staff members who could do it, when nobody is named. Whoever is equal takes
/// turns from date to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentRule {
    /// By what.
    pub strategy: Strategy,
    /// Local dates over which busy minutes are counted: that of the start in the middle, none before
    /// today.
    #[serde(default = "week")]
    pub window_days: u16,
}

const fn week() -> u16 {
    7
}

impl Default for AssignmentRule {
    fn default() -> Self {
        Self { strategy: Strategy::Primary, window_days: 1 }
    }
}

/// By what a staff member is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The primary one, then the least busy.
    Primary,
    /// The least busy.
    LeastBusy,
    /// The one with the highest priority, then the least busy.
    Priority,
}

/// Where the grid of a service counts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridFrom {
    /// Midnight of the local clock.
    #[default]
    Midnight,
    /// The beginning of each stretch of hours of a local date, so after a break again: the hours of whoever
    /// does the first phase.
    Opening,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Active minutes that a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DurationRange {
    /// The fewest.
    pub from_min: u16,
    /// The most.
    pub to_min: u16,
    /// Minutes between two durations, counted from the fewest.
    #[serde(default = "five")]
    pub step_min: u16,
    /// What another duration costs.
    #[serde(default)]
    pub price: DurationPrice,
}

const fn five() -> u16 {
    5
}

/// What a duration costs that is not the service's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationPrice {
    /// The same.
    #[default]
    Fixed,
    /// In proportion to the active minutes, rounded half up to the smallest unit of the currency.
    PerMinute,
}

impl DurationRange {
    /// Whether so many minutes are one of the durations.
    pub fn allows(&self, minutes: u16) -> bool {
        (self.from_min..=self.to_min).contains(&minutes)
            && (minutes - self.from_min).is_multiple_of(self.step_min.max(5))
    }
}

impl Default for BookingRules {
    fn default() -> Self {
        Self {
            min_notice_min: 0,
            max_advance_days: 365,
            grid_min: 15,
            grid_from: GridFrom::Midnight,
            snap: false,
            min_gap_min: 0,
            prefer_adjacent: false,
            buffer_before_min: 0,
            buffer_after_min: 0,
            requires_confirmation: false,
            duration: None,
            assignment: None,
            limits: BookingLimits::default(),
        }
    }
}

/// Limits on the number of bookings; absent means unlimited (MD-14).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BookingLimits {
    /// Of the service on one local day, over all staff, counted from when the limit was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u16>,
    /// Of the service by one staff member on one local day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_staff_per_day: Option<u16>,
    /// Of the service by one customer on one local day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_customer_per_day: Option<u16>,
    /// Upcoming appointments of any service that one customer may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_customer_upcoming: Option<u16>,
}

/// A staff member who does a service (MD-03, MD-08…12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Who.
    pub staff_id: StaffId,
    /// Whether the staff member may be booked for it now.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Whether the staff member comes first when nobody is named.
    #[serde(default)]
    pub is_primary: bool,
    /// Where the service goes by priority, the highest comes first when nobody is named.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: u16,
    /// Active minutes of this staff member, by phase key; other phases as in the template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_active_min: BTreeMap<String, u16>,
    /// This staff member's price (CTR-43).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_price: Option<Money>,
    /// Hours in which this staff member does this service, instead of the own ones (CTR-53).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_override: Option<WeeklyHours>,
}

impl Assignment {
    /// An active assignment without any special terms.
    pub fn plain(staff_id: StaffId) -> Self {
        Self {
            staff_id,
            is_active: true,
            is_primary: false,
            priority: 0,
            custom_active_min: BTreeMap::new(),
            custom_price: None,
            availability_override: None,
        }
    }
}

const fn yes() -> bool {
    true
}
