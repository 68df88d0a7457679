//! The attempts that are still to come, in the order of asking.

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, Utc};
use daybook_domain::ids::AppointmentId;

use super::attempt::Attempt;

/// The attempts that are still to come.
pub(super) struct Queue {
    waiting: VecDeque<Attempt>,
    booked: HashSet<AppointmentId>,
}

impl Queue {
    pub(super) fn new(attempts: &[Attempt]) -> Self {
        let waiting = attempts.iter().cloned().collect();
        Self { waiting, booked: HashSet::new() }
    }

    /// Notes that an appointment is there.
    pub(super) fn note(&mut self, id: AppointmentId) {
        self.booked.insert(id);
    }

    /// What was asked before an instant. An attempt waits for the appointment that was in its way:
    /// the two may have been asked at nearly one time.
    pub(super) fn until(&mut self, at: DateTime<Utc>) -> Vec<Attempt> {
        let booked = &self.booked;
        let is_due = |it: &Attempt| {
            it.at < at && it.in_the_way.is_none_or(|appointment| booked.contains(&appointment))
        };
        // Few wait: all before the instant but those that were overtaken.
        let early = self.waiting.iter().take_while(|it| it.at < at).count();
        let (due, later): (Vec<_>, Vec<_>) = self.waiting.drain(..early).partition(is_due);
        for attempt in later.into_iter().rev() {
            self.waiting.push_front(attempt);
        }
        due
    }

    /// Whatever is left.
    pub(super) fn rest(self) -> Vec<Attempt> {
        self.waiting.into()
    }
}
