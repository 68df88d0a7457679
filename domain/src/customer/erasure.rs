//! The wish to be forgotten, its grace, and its grounds (GDPR-02, GDPR-07).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long a wish to be forgotten can be taken back, unless it names a shorter while (GDPR-07).
pub const GRACE: TimeDelta = TimeDelta::days(30);

/// A wish to be forgotten that nobody has taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishedErasure {
    /// When it was made.
    pub requested_at: DateTime<Utc>,
    /// When it is due.
    pub due_at: DateTime<Utc>,
}

impl WishedErasure {
    /// A wish as its event tells it: one that says nothing of its end is due after the whole grace.
    pub fn new(requested_at: DateTime<Utc>, due_at: Option<DateTime<Utc>>) -> Self {
        let whole = requested_at.checked_add_signed(GRACE).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Self { requested_at, due_at: due_at.unwrap_or(whole) }
    }
}

/// Why somebody is forgotten: the grounds of article 17(1) of the GDPR. A closed list, because a text
/// would outlive the person whom it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureReason {
    /// The person asked for it, or it is said nowhere.
    Requested,
    /// The person no longer agrees to the data being kept (b).
    ConsentWithdrawn,
    /// The person objects to what is done with the data (c).
    Objected,
    /// The data have served their purpose (a).
    NoLongerNeeded,
    /// The data should not have been kept (d).
    Unlawful,
    /// A law demands it (e).
    LegalDuty,
}
