//! Where a series stands.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Occurrence, SeriesError, SeriesEvent, Started};

/// Where a series stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    started: Option<Box<Started>>,
    skipped: BTreeSet<u16>,
    moves: Vec<Occurrence>,
    is_cancelled: bool,
}

/// Where one occurrence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccurrenceStatus {
    /// It has an appointment.
    Planned,
    /// It was skipped.
    Skipped,
    /// It never was: its place was taken when the series started.
    LeftOut,
}

impl Series {
    /// What was agreed, as it was when the series started.
    pub fn started(&self) -> Option<&Started> {
        self.started.as_deref()
    }

    /// Whether it was started.
    pub const fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// Whether what was to come was called off.
    pub const fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// How many occurrences were skipped.
    pub fn skips(&self) -> u16 {
        u16::try_from(self.skipped.len()).unwrap_or(u16::MAX)
    }

    /// One occurrence as it is now.
    pub fn occurrence(&self, number: u16) -> Option<Occurrence> {
        let started = self.started()?;
        let agreed = started.occurrences.iter().find(|it| it.number == number)?;
        let moved = self.moves.iter().find(|it| it.number == number);
        Some(*moved.unwrap_or(agreed))
    }

    /// The occurrences as they are now, in their order.
    pub fn occurrences(&self) -> impl Iterator<Item = Occurrence> + '_ {
        let agreed = self.started().into_iter().flat_map(|started| &started.occurrences);
        agreed.filter_map(|occurrence| self.occurrence(occurrence.number))
    }

    /// Where one occurrence stands.
    pub fn status(&self, number: u16) -> Option<OccurrenceStatus> {
        let occurrence = self.occurrence(number)?;
        Some(if occurrence.appointment_id.is_none() {
            OccurrenceStatus::LeftOut
        } else if self.skipped.contains(&number) {
            OccurrenceStatus::Skipped
        } else {
            OccurrenceStatus::Planned
        })
    }

    pub(super) fn require(&self, number: u16) -> Result<Occurrence, SeriesError> {
        if !self.is_started() {
            return Err(SeriesError::NotFound);
        }
        let occurrence = self.occurrence(number).ok_or(SeriesError::NoSuchOccurrence { number })?;
        if self.is_cancelled { Err(SeriesError::Cancelled) } else { Ok(occurrence) }
    }

    pub(super) fn apply_event(&mut self, event: &SeriesEvent) {
        match event {
            SeriesEvent::Started(started) => self.started = Some(started.clone()),
            SeriesEvent::OccurrenceSkipped { number } => {
                self.skipped.insert(*number);
            }
            SeriesEvent::OccurrenceMoved { number, to, .. } => {
                if let Some(occurrence) = self.occurrence(*number) {
                    self.moves.retain(|it| it.number != *number);
                    self.moves.push(Occurrence { starts_at: *to, ..occurrence });
                }
            }
            SeriesEvent::Cancelled { .. } => self.is_cancelled = true,
        }
    }
}
