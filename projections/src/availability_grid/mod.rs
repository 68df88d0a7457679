//! What is taken on which calendar? The claims of every day, and a sum per day.
//!
//! From `calendar_day` events, a row per claim and day. Its exclusion constraint is the second wall against double booking: a
//! log that claims one minute of a calendar twice parks the stream here and is seen.

mod projector;
mod queries;
mod row;

pub use self::{
    projector::AvailabilityGrid,
    queries::{CalendarDayRow, claims, days},
    row::{ClaimKind, ClaimRow},
};
