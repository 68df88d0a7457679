//! What a caller may ask of a series.

use chrono::{DateTime, Utc};

use super::Started;

/// What a caller may ask of a series.
#[derive(Clone, Debug)]
pub enum SeriesCommand {
    /// Start it.
    Start(Box<Started>),
    /// Skip one occurrence.
    Skip {
        /// Which, from 1.
        number: u16,
    },
    /// Move one occurrence.
    Move {
        /// Which, from 1.
        number: u16,
        /// Where to.
        starts_at: DateTime<Utc>,
    },
    /// Call off what is still to come.
    Cancel {
        /// Occurrences after this instant are called off.
        after: DateTime<Utc>,
    },
}
