//! Bookings, holds, series and their history.

use utoipa::ToSchema;
use uuid::Uuid;

use super::{Money, rules::Strategy};
use crate::http::fields::{Instant, Local, LocalDate};

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::v2) enum Status {
    Pending,
    Confirmed,
    InProgress,
    Completed,
    Cancelled,
    NoShow,
    Rejected,
}

/// A phase of a booking.
#[derive(ToSchema)]
struct BookedPhase {
    phase_id: Uuid,
    key: String,
    service_id: Uuid,
    staff_id: Uuid,
    starts_at: Instant,
    ends_at: Instant,
}

/// How a staff member was chosen.
#[derive(ToSchema)]
struct Choice {
    strategy: Strategy,
    /// The first local date whose taken minutes were counted.
    from: LocalDate,
    /// The last one.
    to: LocalDate,
    /// How many staff members were free.
    free: usize,
    /// The first five of them in the order of choice. The first was chosen, unless it cannot do a later
    /// phase.
    candidates: Vec<ChoiceCandidate>,
}

/// A staff member who was free.
#[derive(ToSchema)]
struct ChoiceCandidate {
    staff_id: Uuid,
    is_primary: bool,
    priority: u16,
    /// Minutes of these dates that are taken.
    busy_minutes: u32,
    /// Where their turn came on that date, from 0: it decides between equals.
    turn: usize,
}

/// An appointment as it is now. What stands here without being required is told when it is read.
#[derive(ToSchema)]
pub(in crate::v2) struct Booking {
    appointment_id: Uuid,
    status: Status,
    starts_at: Instant,
    ends_at: Instant,
    branch_id: Uuid,
    staff_id: Uuid,
    price: Money,
    is_composite: bool,
    phases: Vec<BookedPhase>,
    version: u64,
    /// How the staff member was chosen, if nobody was named and the service has `rules.assignment`.
    #[schema(required = false)]
    assignment: Choice,
    #[schema(required = false)]
    customer_id: Uuid,
    #[schema(required = false)]
    service_ids: Vec<Uuid>,
    #[schema(required = false)]
    booking_type: BookingType,
    #[schema(required = false)]
    source: String,
    notes: Option<String>,
    external_ref: Option<String>,
    series: Option<SeriesPlace>,
    #[schema(required = false)]
    zone: String,
    #[schema(required = false)]
    modifications: u32,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum BookingType {
    Simple,
    Composite,
    Recurring,
}

#[derive(ToSchema)]
struct SeriesPlace {
    series_id: Uuid,
    #[schema(maximum = 65535)]
    number: u16,
}

/// A booking that was made, or with `dry_run` would be.
#[derive(ToSchema)]
pub(in crate::v2) struct Created {
    success: bool,
    dry_run: bool,
    appointment_id: Uuid,
    calcom_booking_id: Option<String>,
    confirmation_sent: bool,
    booking: Booking,
}

/// What a change comes to under the terms that were agreed.
#[derive(ToSchema)]
struct Outcome {
    policy_violation: bool,
    #[schema(required = false, value_type = Vec<Object>)]
    violations: Vec<serde_json::Value>,
    action: Option<String>,
    fee: Money,
    refund_eligible: bool,
    policy_check: PolicyCheck,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum PolicyCheck {
    Passed,
    Warning,
    Blocked,
}

/// A booking that was moved.
#[derive(ToSchema)]
pub(in crate::v2) struct Rescheduled {
    success: bool,
    #[schema(required = false)]
    dry_run: bool,
    #[schema(required = false)]
    appointment_id: Uuid,
    old_time: Instant,
    #[schema(required = false)]
    new_time: Instant,
    policy_check: Option<PolicyCheck>,
    policy: Option<Outcome>,
    booking: Booking,
}

/// A booking that was called off.
#[derive(ToSchema)]
pub(in crate::v2) struct Cancelled {
    success: bool,
    dry_run: bool,
    appointment_id: Uuid,
    refund_eligible: Option<bool>,
    policy_violation: Option<bool>,
    /// In the smallest unit.
    cancellation_fee: Option<i64>,
    policy: Option<Outcome>,
    booking: Booking,
}

/// A booking whose status changed.
#[derive(ToSchema)]
pub(in crate::v2) struct Stepped {
    success: bool,
    booking: Booking,
}

/// A booking of a list.
#[derive(ToSchema)]
pub(in crate::v2) struct BookingRow {
    appointment_id: Uuid,
    position: u64,
    version: u64,
    status: Status,
    company_id: Uuid,
    branch_id: Uuid,
    zone: String,
    customer_id: Uuid,
    staff_id: Uuid,
    staff_ids: Vec<Uuid>,
    service_ids: Vec<Uuid>,
    booking_type: BookingType,
    is_composite: bool,
    starts_at: Instant,
    ends_at: Instant,
    #[schema(value_type = Vec<Object>)]
    phases: Vec<serde_json::Value>,
    price_minor: i64,
    currency: String,
    source: String,
    external_ref: Option<String>,
    call_id: Option<String>,
    series_id: Option<Uuid>,
    #[schema(maximum = 65535)]
    series_number: Option<u16>,
    modifications: u32,
    reschedules: u32,
    policy_violations: u32,
    last_outcome: Option<Outcome>,
    booked_at: Instant,
    updated_at: Instant,
}

/// Something that happened.
#[derive(ToSchema)]
pub(in crate::v2) struct HistoryItem {
    position: u64,
    version: u64,
    r#type: String,
    /// `key:<id>`, `user:<id>` or `system:<what>`.
    actor: Option<String>,
    /// What the actor was called then: the name of the API key.
    actor_name: Option<String>,
    /// `employee:` or `customer:` with an id or a reference, as `On-Behalf-Of` said.
    on_behalf_of: Option<String>,
    source: Option<String>,
    request_id: Option<String>,
    recorded_at: Instant,
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

/// A hold: its token books it.
#[derive(ToSchema)]
pub(in crate::v2) struct Hold {
    success: bool,
    hold_token: Uuid,
    hold_id: Uuid,
    expires_at: Instant,
    starts_at: Instant,
    ends_at: Instant,
    staff_id: Uuid,
    phases: Vec<BookedPhase>,
    /// How the staff member was chosen, if nobody was named and the service has `rules.assignment`.
    #[schema(required = false)]
    assignment: Choice,
}

#[derive(ToSchema)]
struct Occurrence {
    #[schema(maximum = 65535)]
    number: u16,
    starts_at: Instant,
    appointment_id: Option<Uuid>,
}

#[derive(ToSchema)]
struct SeriesShort {
    series_id: Uuid,
    occurrences: Vec<Occurrence>,
}

/// A series that was started or called off.
#[derive(ToSchema)]
pub(in crate::v2) struct SeriesSaved {
    success: bool,
    series: SeriesShort,
}

#[derive(ToSchema)]
struct Rule {
    rrule: String,
    starts_at_local: Local,
    zone: String,
    #[schema(required = false)]
    except: Vec<Local>,
    #[schema(required = false)]
    also: Vec<Local>,
}

/// A series as it is now.
#[derive(ToSchema)]
pub(in crate::v2) struct Series {
    series_id: Uuid,
    version: u64,
    customer_id: Uuid,
    branch_id: Uuid,
    service_ids: Vec<Uuid>,
    rule: Rule,
    is_cancelled: bool,
    #[schema(maximum = 65535)]
    skips: u16,
    #[schema(value_type = Vec<Object>)]
    occurrences: Vec<serde_json::Value>,
}
