//! How often are appointments moved and called off, by whom, and against which terms? (APT-14, POL-12)
//!
//! From `appointment` events. Counts are the projector's own: each event adds one, and a rebuild ends
//! with the same numbers (CTR-21, AT-43).

mod projector;
mod queries;
mod row;

pub use self::{
    projector::Modifications,
    queries::{CustomerTotals, ViolationFilter, stats, totals, violations},
    row::{StatsRow, ViolationRow},
};
