//! What a runner has done since it was made: for metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use daybook_domain::ports::EventLog;

use super::Runner;

/// What one projector has done in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worked {
    /// The projector.
    pub projector: &'static str,
    /// Its version.
    pub version: i32,
    /// Positions that it has moved on.
    pub positions: u64,
    /// Batches that were committed.
    pub batches: u64,
    /// How long they took, with the other projectors of the same batches.
    pub busy: Duration,
}

/// Counts batches.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<(&'static str, i32), Worked>>);

impl Tally {
    fn map(&self) -> MutexGuard<'_, BTreeMap<(&'static str, i32), Worked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(
        &self,
        projectors: impl Iterator<Item = (&'static str, i32)>,
        positions: u64,
        took: Duration,
    ) {
        let mut all = self.map();
        for (projector, version) in projectors {
            let none =
                Worked { projector, version, positions: 0, batches: 0, busy: Duration::ZERO };
            let worked = all.entry((projector, version)).or_insert(none);
            worked.positions += positions;
            worked.batches += 1;
            worked.busy += took;
        }
    }
}

impl<L: EventLog> Runner<L> {
    /// What every projector has done in this process.
    pub fn worked(&self) -> Vec<Worked> {
        self.shared.tally.map().values().copied().collect()
    }
}
