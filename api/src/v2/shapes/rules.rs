//! When, how long and how often a service may be booked.

use utoipa::ToSchema;

use super::values::GridMinutes;

/// When and how often a service may be booked.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[schema(required = false, maximum = 525_600)]
    min_notice_min: u32,
    #[schema(required = false, minimum = 1, maximum = 730)]
    max_advance_days: u16,
    #[schema(required = false)]
    grid_min: GridMinutes,
    #[schema(required = false)]
    grid_from: GridFrom,
    /// Whether the beginning of a free stretch of a day is a start as well, on the grid or not, when more
    /// appointments of the same length fit from there than from the first start of the grid in it.
    #[schema(required = false)]
    snap: bool,
    /// Minutes. An offer that leaves a shorter gap beside it, but not none, has a lower `score`.
    #[schema(required = false, maximum = 240, multiple_of = 5)]
    min_gap_min: u16,
    /// Whether an offer right next to another appointment has a higher `score`.
    #[schema(required = false)]
    prefer_adjacent: bool,
    #[schema(required = false, maximum = 240, multiple_of = 5)]
    buffer_before_min: u16,
    #[schema(required = false, maximum = 240, multiple_of = 5)]
    buffer_after_min: u16,
    #[schema(required = false)]
    requires_confirmation: bool,
    /// Other durations than its own that a client may ask for with `duration_minutes`; only for a
    /// service of a single phase. Absent: none.
    duration: Option<DurationRange>,
    /// Who is chosen when nobody is named. Absent: the primary staff member, then whoever is least busy on
    /// that date; equals take turns from date to date.
    assignment: Option<AssignmentRule>,
    #[schema(required = false)]
    limits: BookingLimits,
}

/// Where the multiples of `grid_min` count from: midnight of the local clock (the default), or anew from the
/// beginning of each stretch of hours of a local date (`opening`), so after a break again. These are the
/// hours of whoever does the first phase.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum GridFrom {
    Midnight,
    Opening,
}

/// How a staff member is chosen when nobody is named. The answer of a booking or hold, and so its receipt,
/// says how in `assignment`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct AssignmentRule {
    strategy: Strategy,
    /// Local dates over which busy minutes are counted, that of the start in the middle and none before
    /// today; 7 if absent.
    #[schema(required = false, minimum = 1, maximum = 28)]
    window_days: u16,
}

/// `primary`: the primary staff member, then the least busy one. `least_busy`: the one with the fewest taken
/// minutes. `priority`: the one with the highest `priority` of their assignment, then the least busy one.
/// Equals take turns from date to date.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strategy {
    Primary,
    LeastBusy,
    Priority,
}

/// Active minutes that a client may ask for.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct DurationRange {
    #[schema(minimum = 5, maximum = 720, multiple_of = 5, example = 30)]
    from_min: u16,
    /// Not less than `from_min`.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5, example = 120)]
    to_min: u16,
    /// Minutes between two durations, counted from `from_min`; 5 if absent.
    #[schema(required = false, minimum = 5, maximum = 720, multiple_of = 5)]
    step_min: u16,
    #[schema(required = false)]
    price: DurationPrice,
}

/// What another duration costs: the same (`fixed`, the default), or in proportion to the active
/// minutes (`per_minute`), rounded half up to the smallest unit of the currency.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum DurationPrice {
    Fixed,
    PerMinute,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct BookingLimits {
    #[schema(maximum = 65535)]
    per_day: Option<u16>,
    #[schema(maximum = 65535)]
    per_staff_per_day: Option<u16>,
    #[schema(maximum = 65535)]
    per_customer_per_day: Option<u16>,
    #[schema(maximum = 65535)]
    per_customer_upcoming: Option<u16>,
}
