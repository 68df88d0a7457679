//! Companies, branches, staff, services, resources, hours and assignments.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Money,
    rules::Rules,
    values::{ActiveMinutes, Fee},
};
use crate::http::fields::{AnyText, LocalDate, Reason, Zone};

/// A profile as it is sent, and the thing as it is shown: the same fields, and more.
macro_rules! things {
    ($(
        $(#[$doc:meta])* $profile:ident, $shown:ident { $($fields:tt)* } { $($more:tt)* }
    )+) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::v2) struct $profile {
            $($fields)*
            /// Decides and answers, and records nothing.
            dry_run: Option<bool>,
        }

        $(#[$doc])*
        #[derive(ToSchema)]
        pub(in crate::v2) struct $shown {
            id: Uuid,
            version: u64,
            is_active: bool,
            $($fields)*
            $($more)*
        }
    )+};
}

things! {
    /// A company.
    CompanyProfile, Company {
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*[^\\x00\\s][^\\x00]*$", example = "Salon")]
        name: String,
        /// Of branches that name none.
        zone: Zone,
        #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
        currency: String,
        /// Where phone numbers without a country code belong.
        #[schema(pattern = "^[A-Z]{2}$", example = "DE")]
        phone_region: String,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]+$")]
        external_ref: Option<String>,
    } { policies: Policies, }

    /// A branch of a company.
    BranchProfile, Branch {
        company_id: Uuid,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*[^\\x00\\s][^\\x00]*$", example = "Mitte")]
        name: String,
        zone: Zone,
        address: Option<Address>,
        service_radius_m: Option<u32>,
        transport_info: Option<AnyText>,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]+$")]
        external_ref: Option<String>,
    } {
        hours: Week,
        exceptions: BTreeMap<String, Exception>,
    }

    /// A staff member.
    StaffProfile, Staff {
        company_id: Uuid,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*[^\\x00\\s][^\\x00]*$", example = "Anna")]
        name: String,
        #[schema(min_items = 1)]
        branches: Vec<Uuid>,
        zone: Zone,
        #[schema(required = false)]
        roles: Vec<AnyText>,
        #[schema(required = false, default = true)]
        is_bookable: bool,
        #[schema(required = false, maximum = 240, multiple_of = 5)]
        buffer_before_min: u16,
        #[schema(required = false, maximum = 240, multiple_of = 5)]
        buffer_after_min: u16,
        calcom_username: Option<AnyText>,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]+$")]
        external_ref: Option<String>,
    } {
        hours: Option<Week>,
        /// By branch.
        hours_at: BTreeMap<String, Week>,
        exceptions: BTreeMap<String, Exception>,
    }

    /// A service.
    ServiceProfile, Service {
        company_id: Uuid,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*[^\\x00\\s][^\\x00]*$", example = "Haircut")]
        name: String,
        description: Option<AnyText>,
        #[schema(min_items = 1, max_items = 24)]
        phases: Vec<Phase>,
        price: Money,
        #[schema(required = false)]
        rules: Rules,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]+$")]
        external_ref: Option<String>,
    } {
        /// By branch.
        offers: BTreeMap<String, Offered>,
        /// By staff member.
        assignments: BTreeMap<String, Assignment>,
    }

    /// A room or a piece of equipment.
    ResourceProfile, Resource {
        company_id: Uuid,
        branch_id: Uuid,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*[^\\x00\\s][^\\x00]*$", example = "Chair 1")]
        name: String,
        kind: ResourceKind,
        #[schema(minimum = 1, maximum = 65535)]
        capacity: u16,
        zone: Zone,
        #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]+$")]
        external_ref: Option<String>,
    } {
        hours: Option<Week>,
        exceptions: BTreeMap<String, Exception>,
    }
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum ResourceKind {
    Room,
    Equipment,
}

/// A postal address, and the point on the map in millionths of a degree.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Address {
    street: AnyText,
    postal_code: AnyText,
    city: AnyText,
    country: AnyText,
    #[schema(minimum = -90_000_000, maximum = 90_000_000)]
    latitude_e6: Option<i32>,
    #[schema(minimum = -180_000_000, maximum = 180_000_000)]
    longitude_e6: Option<i32>,
}

/// One segment of a service, on the 5-minute grid.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Phase {
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\x00]*[^\\x00\\s][^\\x00]*$",
        example = "A"
    )]
    key: String,
    name: Option<AnyText>,
    /// Staff and client are busy.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5, example = 30)]
    active_min: u16,
    /// Afterwards the client is busy, the staff member free.
    #[schema(required = false, maximum = 720, multiple_of = 5)]
    processing_min: u16,
    /// Afterwards the staff member is busy, the client is not needed.
    #[schema(required = false, maximum = 720, multiple_of = 5)]
    transition_min: u16,
    resource: Option<ResourceNeed>,
    role: Option<AnyText>,
    #[schema(required = false)]
    other_staff: bool,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ResourceNeed {
    #[schema(min_items = 1)]
    any_of: Vec<Uuid>,
    #[schema(required = false, minimum = 1, maximum = 65535)]
    units: u16,
}

/// What differs at a branch.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct Offer {
    is_offered: bool,
    price: Option<Money>,
    dry_run: Option<bool>,
}

/// What differs at a branch.
#[derive(ToSchema)]
struct Offered {
    is_offered: bool,
    price: Option<Money>,
}

/// A staff member who does a service, and on which terms.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct Assignment {
    staff_id: Uuid,
    #[schema(required = false)]
    is_active: bool,
    #[schema(required = false)]
    is_primary: bool,
    /// The highest comes first where `rules.assignment` chooses by priority; 0 if absent.
    #[schema(required = false, maximum = 65535)]
    priority: u16,
    /// By phase key.
    #[schema(required = false)]
    custom_active_min: BTreeMap<String, ActiveMinutes>,
    custom_price: Option<Money>,
    availability_override: Option<Week>,
}

/// The hours of a week: `1` is Monday, `7` is Sunday; a missing day is closed. A time that the clock shows
/// twice on a date is its first occurrence, whether hours begin or end then; one that it leaves out is the
/// end of the gap.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct Week {
    #[serde(rename = "1")]
    #[schema(nullable = false)]
    monday: Option<Day>,
    #[serde(rename = "2")]
    #[schema(nullable = false)]
    tuesday: Option<Day>,
    #[serde(rename = "3")]
    #[schema(nullable = false)]
    wednesday: Option<Day>,
    #[serde(rename = "4")]
    #[schema(nullable = false)]
    thursday: Option<Day>,
    #[serde(rename = "5")]
    #[schema(nullable = false)]
    friday: Option<Day>,
    #[serde(rename = "6")]
    #[schema(nullable = false)]
    saturday: Option<Day>,
    #[serde(rename = "7")]
    #[schema(nullable = false)]
    sunday: Option<Day>,
}

/// The hours of a day; closed when nothing is open.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Day {
    #[schema(required = false)]
    open: Vec<Interval>,
    #[schema(required = false)]
    breaks: Vec<Interval>,
}

/// From the first minute inside to the first outside, on the 5-minute grid.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Interval {
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][05]$", example = "09:00")]
    from: String,
    #[schema(pattern = "^(([01][0-9]|2[0-3]):[0-5][05]|24:00)$", example = "18:00")]
    to: String,
}

/// A date with its own hours.
#[derive(ToSchema)]
struct Exception {
    date: LocalDate,
    hours: Day,
    reason: Option<String>,
}

/// The hours of a date as they are to be.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct SetException {
    hours: Day,
    reason: Option<Reason>,
    dry_run: Option<bool>,
}

/// Weekly hours as they are to be; absent means those of the level above.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct SetHours {
    weekly: Option<Week>,
    dry_run: Option<bool>,
}

/// Weekly hours as they are to be; absent means those of the level above.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct SetHoursOfStaff {
    weekly: Option<Week>,
    /// At this branch only.
    branch_id: Option<Uuid>,
    dry_run: Option<bool>,
}

/// Weekly hours and exceptions.
#[derive(ToSchema)]
pub(in crate::v2) struct Hours {
    id: Uuid,
    version: u64,
    /// Absent means those of the level above.
    weekly: Option<Week>,
    /// Of staff: by branch.
    #[schema(required = false)]
    weekly_at: BTreeMap<String, Week>,
    /// By date.
    exceptions: BTreeMap<String, Exception>,
}

/// The policies of a company.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct Policies {
    #[schema(required = false)]
    cancellation: Cancellation,
    #[schema(required = false)]
    reschedule: Reschedule,
    #[schema(required = false)]
    recurring: Recurring,
    dry_run: Option<bool>,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum ViolationAction {
    Warn,
    Block,
    ChargeFee,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    #[schema(required = false)]
    min_hours_notice: u32,
    #[schema(required = false)]
    fee: Fee,
    max_free_per_month: Option<u32>,
    #[schema(required = false)]
    violation_action: ViolationAction,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Reschedule {
    #[schema(required = false)]
    min_hours_notice: u32,
    #[schema(required = false)]
    max_per_booking: u32,
    #[schema(required = false)]
    violation_action: ViolationAction,
    #[schema(required = false)]
    fee: Fee,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Recurring {
    #[schema(required = false, minimum = 1, maximum = 65535)]
    min_length: u16,
    #[schema(required = false, maximum = 366)]
    max_length: u16,
    #[schema(required = false)]
    skip_allowed: bool,
    #[schema(required = false, maximum = 65535)]
    max_skips: u16,
}

/// Cells of the matrix of staff and services.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct AssignCells {
    #[schema(required = false)]
    assign: Vec<Cell>,
    #[schema(required = false)]
    unassign: Vec<Gone>,
    dry_run: Option<bool>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Cell {
    service_id: Uuid,
    assignment: Assignment,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Gone {
    service_id: Uuid,
    staff_id: Uuid,
}

/// How many cells were saved.
#[derive(ToSchema)]
pub(in crate::v2) struct Assigned {
    success: bool,
    saved: u64,
}

/// Who does which services.
#[derive(ToSchema)]
pub(in crate::v2) struct Assignments {
    items: Vec<AssignmentShown>,
}

/// A cell of the matrix.
#[derive(ToSchema)]
struct AssignmentShown {
    service_id: Uuid,
    assignment: Assignment,
}

/// Every service of a company and who does it.
#[derive(ToSchema)]
pub(in crate::v2) struct Matrix {
    company_id: Uuid,
    staff: Vec<Named>,
    services: Vec<ServiceRow>,
}

#[derive(ToSchema)]
struct Named {
    id: Uuid,
    name: String,
}

#[derive(ToSchema)]
struct ServiceRow {
    id: Uuid,
    name: String,
    assignments: BTreeMap<String, Assignment>,
}
