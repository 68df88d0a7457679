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
        /// The current start of its appointment, which may have moved by itself.
        from: DateTime<Utc>,
        /// Where to.
        starts_at: DateTime<Utc>,
    },
    /// Cancel what is still to come.
    Cancel {
        /// Occurrences after this instant are cancelled.
        after: DateTime<Utc>,
    },
}
