//! The visits that rules count: limits on bookings, free cancellations.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AppointmentId, ServiceId};

/// An appointment that the customer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// For what.
    pub service_ids: Vec<ServiceId>,
    /// When it starts.
    #[serde(with = "crate::instant")]
    pub starts_at: DateTime<Utc>,
    /// The local date of that.
    pub local_date: NaiveDate,
}

/// All visits that are not over, and the counts of those that are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visits {
    open: BTreeMap<AppointmentId, Visit>,
    cancelled_in: BTreeMap<String, u32>,
    completed: u32,
    missed: u32,
}

impl Visits {
    pub(super) fn booked(&mut self, id: AppointmentId, visit: Visit) {
        self.open.insert(id, visit);
    }

    pub(super) fn moved(&mut self, id: AppointmentId, starts_at: DateTime<Utc>, date: NaiveDate) {
        if let Some(visit) = self.open.get_mut(&id) {
            visit.starts_at = starts_at;
            visit.local_date = date;
        }
    }

    pub(super) fn cancelled(&mut self, id: AppointmentId, counted_in: Option<&str>) {
        self.open.remove(&id);
        if let Some(month) = counted_in {
            let count = self.cancelled_in.entry(month.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn completed(&mut self, id: AppointmentId) {
        self.open.remove(&id);
        self.completed = self.completed.saturating_add(1);
    }

    pub(super) fn missed(&mut self, id: AppointmentId) {
        self.open.remove(&id);
        self.missed = self.missed.saturating_add(1);
    }

    pub(super) const fn open(&self) -> &BTreeMap<AppointmentId, Visit> {
        &self.open
    }

    pub(super) fn cancelled_in(&self, month: &str) -> u32 {
        self.cancelled_in.get(month).copied().unwrap_or(0)
    }

    pub(super) const fn completed_count(&self) -> u32 {
        self.completed
    }

    pub(super) const fn missed_count(&self) -> u32 {
        self.missed
    }
}
