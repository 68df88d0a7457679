//! Reports and journeys.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::{Instant, LocalDate};

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::v2) enum By {
    Staff,
    Branch,
    Service,
    Weekday,
    Hour,
}

/// How much time is booked, the busiest first.
#[derive(ToSchema)]
pub(in crate::v2) struct Utilisation {
    by: By,
    from: LocalDate,
    to: LocalDate,
    items: Vec<Used>,
}

/// What was booked of somebody's or something's time.
#[derive(ToSchema)]
struct Used {
    /// Of a staff member, a branch or a service.
    id: Option<Uuid>,
    /// With `by=weekday`: 1 is Monday, 7 is Sunday.
    #[schema(minimum = 1, maximum = 7)]
    weekday: Option<u8>,
    /// With `by=hour`: the hour of the local day. A phase counts in each hour that it touches, with its
    /// minutes there.
    #[schema(maximum = 23)]
    hour: Option<u8>,
    /// Those that were not called off.
    appointments: u64,
    completed: u64,
    no_shows: u64,
    cancelled: u64,
    /// Minutes in which staff are busy with a customer.
    booked_min: u64,
    /// Minutes of the hours of staff as they are set now; of somebody who works at two branches at once,
    /// once.
    open_min: Option<u64>,
    /// Booked of open minutes.
    utilisation_permille: Option<u64>,
    /// Missed of those that are over.
    no_show_permille: Option<u64>,
    /// What kept appointments bring, in the smallest unit.
    revenue_minor: i64,
}

/// All changes of a customer's appointments.
#[derive(ToSchema)]
pub(in crate::v2) struct Totals {
    customer_id: Uuid,
    appointments: u64,
    modifications: u64,
    cancellations: u64,
    reschedules: u64,
    violations: u64,
    last_modification_at: Option<Instant>,
}

/// A change that broke the agreed terms.
#[derive(ToSchema)]
pub(in crate::v2) struct Violation {
    appointment_id: Uuid,
    /// The number of the change, from 1.
    modification: u32,
    position: u64,
    customer_id: Uuid,
    company_id: Uuid,
    branch_id: Uuid,
    kind: Kind,
    #[schema(value_type = Object)]
    outcome: serde_json::Value,
    violated_at: Instant,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Cancellation,
    Reschedule,
}

/// How far a customer has come (CRM-01 to CRM-10).
#[derive(ToSchema)]
pub(in crate::v2) struct Journey {
    customer_id: Uuid,
    company_id: Uuid,
    stage: Stage,
    stage_since: Option<Instant>,
    is_vip: bool,
    /// 0 to 1000.
    #[schema(maximum = 1000)]
    engagement: u16,
    booked_count: u64,
    completed_count: u64,
    cancellation_count: u64,
    no_show_count: u64,
    call_count: u64,
    /// On kept appointments, in the smallest unit.
    spent_minor: i64,
    last_activity_at: Instant,
    history: Vec<Reached>,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Lead,
    Prospect,
    Customer,
    Regular,
    AtRisk,
    Churned,
}

#[derive(ToSchema)]
pub(super) struct Reached {
    stage: Stage,
    at: Instant,
}
