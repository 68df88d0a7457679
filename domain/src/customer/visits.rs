//! The visits that rules count: limits on bookings, free cancellations.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AppointmentId, ServiceId};

/// Nothing is booked in the past, so that what is over matters for today, whichever zone today is in.
const RECENT_DAYS: u64 = 2;

/// An appointment that the customer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// For what.
    pub service_ids: Vec<ServiceId>,
    /// When it starts.
    #[serde(with = "crate::instant")]
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    #[serde(with = "crate::instant")]
    pub ends_at: DateTime<Utc>,
    /// The local date of its start.
    pub local_date: NaiveDate,
}

/// All visits that are not over, and the counts of those that are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visits {
    open: BTreeMap<AppointmentId, Visit>,
    /// What the customer came to on the latest dates: it counts towards the limits of its date.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    recent: BTreeMap<AppointmentId, Visit>,
    cancelled_in: BTreeMap<String, u32>,
    completed: u32,
    missed: u32,
}

impl Visits {
    pub(super) fn booked(&mut self, id: AppointmentId, visit: Visit) {
        self.open.insert(id, visit);
    }

    pub(super) fn moved(
        &mut self,
        id: AppointmentId,
        (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
        date: NaiveDate,
    ) {
        if let Some(visit) = self.open.get_mut(&id) {
            (visit.starts_at, visit.ends_at) = (starts_at, ends_at);
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
        if let Some(visit) = self.open.remove(&id) {
            self.recent.insert(id, visit);
            let newest = self.recent.values().map(|visit| visit.local_date).max();
            let oldest = newest.and_then(|date| date.checked_sub_days(Days::new(RECENT_DAYS)));
            self.recent.retain(|_, visit| oldest.is_none_or(|oldest| oldest <= visit.local_date));
        }
        self.completed = self.completed.saturating_add(1);
    }

    pub(super) fn missed(&mut self, id: AppointmentId) {
        self.open.remove(&id);
        self.missed = self.missed.saturating_add(1);
    }

    pub(super) const fn open(&self) -> &BTreeMap<AppointmentId, Visit> {
        &self.open
    }

    /// All that count towards the limits of their dates.
    pub(super) fn counted(&self) -> impl Iterator<Item = (AppointmentId, &Visit)> {
        self.open.iter().chain(&self.recent).map(|(id, visit)| (*id, visit))
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
