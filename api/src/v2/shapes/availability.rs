//! Free places, and why there are none.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::Instant;

/// A phase of a place.
#[derive(ToSchema)]
struct PlacePhase {
    service_id: Uuid,
    key: String,
    staff_id: Uuid,
    starts_at: Instant,
    ends_at: Instant,
}

/// A free place.
#[derive(ToSchema)]
struct Place {
    starts_at: Instant,
    ends_at: Instant,
    staff_id: Option<Uuid>,
    branch_id: Uuid,
    phases: Vec<PlacePhase>,
    /// How well it lies beside other appointments: 50, and 25 more for each side next to one where the
    /// service prefers that, and 25 less for each side with a gap that is too short. Absent if the service
    /// has neither `prefer_adjacent` nor `min_gap_min`.
    #[schema(required = false, maximum = 100)]
    score: u8,
    /// Of a day: local, `HH:MM`.
    #[schema(required = false)]
    start: String,
    #[schema(required = false)]
    end: String,
    #[schema(required = false)]
    zone: String,
    #[schema(required = false)]
    segments: Vec<Segment>,
}

/// A segment of a basket, in local time.
#[derive(ToSchema)]
struct Segment {
    service_id: Uuid,
    key: String,
    start: String,
    end: String,
    staff_id: Uuid,
}

/// The free places of a window.
#[derive(ToSchema)]
pub(in crate::v2) struct Places {
    slots: Vec<Place>,
    /// Why the request can be met at no time, if that is why nothing is offered.
    #[schema(required = false, value_type = Vec<Object>)]
    reasons: Vec<serde_json::Value>,
    position: u64,
}

/// The free places of a day.
#[derive(ToSchema)]
pub(in crate::v2) struct PlacesOfDay {
    available: bool,
    /// In minutes.
    total_duration: Option<i64>,
    slots: Vec<Place>,
    /// Why the request can be met at no time, if that is why nothing is offered.
    #[schema(required = false, value_type = Vec<Object>)]
    reasons: Vec<serde_json::Value>,
    position: u64,
}

/// Why a start is free or not, or each start of a date.
#[derive(ToSchema)]
pub(in crate::v2) struct Explanation {
    position: u64,
    starts_at: Option<Instant>,
    /// `verdict` is `free` or `refused`; a refusal has every reason with its `code`.
    #[schema(value_type = Option<Object>)]
    answer: Option<serde_json::Value>,
    #[schema(required = false, value_type = Vec<Object>)]
    starts: Vec<serde_json::Value>,
    #[schema(required = false, value_type = Vec<Object>)]
    reasons: Vec<serde_json::Value>,
}
