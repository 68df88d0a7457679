//! The attempts that are still to come, each in its place in the history.

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::AppointmentId};

use super::attempt::Attempt;

/// The attempts that are still to come.
pub(super) struct Queue {
    /// Those of which the position is known that their refusal rests on, in that order.
    placed: VecDeque<(Position, Attempt)>,
    /// Those of older receipts without one, in the order of asking.
    waiting: VecDeque<Attempt>,
    booked: HashSet<AppointmentId>,
}

impl Queue {
    pub(super) fn new(attempts: &[Attempt]) -> Self {
        let (mut placed, mut waiting) = (Vec::new(), VecDeque::new());
        for attempt in attempts {
            match attempt.position {
                Some(position) => placed.push((position, attempt.clone())),
                None => waiting.push_back(attempt.clone()),
            }
        }
        // Of one position, in the order of asking.
        placed.sort_by_key(|(position, _)| *position);
        Self { placed: placed.into(), waiting, booked: HashSet::new() }
    }

    /// Notes that an appointment is there.
    pub(super) fn note(&mut self, id: AppointmentId) {
        self.booked.insert(id);
    }

    /// What was refused on what stood before an append: its first event stands at `first`, and it was
    /// decided at `at`. An attempt without a position waits for the appointment that was in its way:
    /// the two may have been asked at nearly one time.
    pub(super) fn until(&mut self, first: Position, at: DateTime<Utc>) -> Vec<Attempt> {
        let placed = self.placed.iter().take_while(|(position, _)| *position < first).count();
        let mut all: Vec<_> = self.placed.drain(..placed).map(|(_, attempt)| attempt).collect();
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
        all.extend(due);
        all
    }

    /// Whatever is left.
    pub(super) fn rest(self) -> Vec<Attempt> {
        self.placed.into_iter().map(|(_, attempt)| attempt).chain(self.waiting).collect()
    }
}
