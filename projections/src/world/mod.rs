//! The world of a busy tenant in memory: what can be booked where, without asking the database.
//!
//! A world is a fold of the tenant's log: master data, claims, and the grid that availability is
//! searched on. Every answer states the position that it rests on; a booking is decided again on the
//! log, so a world may be a moment old, but it never invents.
//!
//! - It begins with what the read models of the catalog and of the claims know from today on, and goes
//!   on from their checkpoints: how long the history is does not matter.
//! - An event that cannot be read makes unknown what it belongs to, which cannot be booked then, and
//!   nothing else.
//! - A world that is asked for a position catches up first; one that is asked for nothing looks at
//!   the log again once its last look is older than [`WorldConfig::staleness`].
//! - Worlds are kept while there is memory for them; the one that was asked least recently goes.
//! - Nothing is held locked across an await but the turn to catch up.

mod past;
mod seed;
mod state;
mod store;

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use daybook_domain::{
    availability::{
        Explained, Facts, Placement, Reason, Request, TenantGrid, Verdict, explain_day,
    },
    event_log::Position,
    ids::BranchId,
    ports::LogError,
    slot::Slot,
};

use crate::projector::ProjectionError;

pub use self::{
    past::{Dates, Question},
    state::View,
    store::{World, WorldConfig, WorldStore},
};

/// An answer and the position that it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The position.
    pub position: Position,
    /// The answer.
    pub value: T,
}

/// Why a world could not be had.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The log could not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The tenant's history ends before the position that was asked for.
    #[error("the history stands at {reached}")]
    NotReached {
        /// Where it ends.
        reached: Position,
    },
    /// The read models that it begins with could not be read.
    #[error("the read models cannot be read")]
    ReadModels(#[source] ProjectionError),
}

impl World {
    /// The hours of everybody over other dates than those that are searched: all of master data, no
    /// claims.
    pub fn hours_over(&self, dates: Range<NaiveDate>) -> TenantGrid<'static> {
        let facts = self.read(|view| {
            let Facts { branches, staff, services, .. } = view.grid().facts();
            let (branches, staff, services) = (branches.clone(), staff.clone(), services.clone());
            Facts { branches, staff, services, ..Facts::default() }
        });
        TenantGrid::new(facts, dates)
    }

    /// Every free start in a window, at each of the branches in turn.
    pub fn starts(
        &self,
        request: &Request,
        branches: &[BranchId],
        window: Slot,
    ) -> Answer<Vec<(BranchId, Vec<DateTime<Utc>>)>> {
        self.ask(|grid| grid.starts(request, branches, window))
    }

    /// The next `limit` free starts in a window, with their placements.
    pub fn next(
        &self,
        request: &Request,
        branches: &[BranchId],
        window: Slot,
        limit: usize,
    ) -> Answer<Vec<Placement>> {
        self.ask(|grid| grid.next(request, branches, window, limit))
    }

    /// Whether a start is free, or every reason why not.
    pub fn explain(
        &self,
        request: &Request,
        branch: BranchId,
        start: DateTime<Utc>,
    ) -> Answer<Verdict> {
        self.ask(|grid| grid.evaluate(request, branch, start))
    }

    /// Every start of a local date with its verdict.
    pub fn explain_day(
        &self,
        request: &Request,
        branch: BranchId,
        date: NaiveDate,
    ) -> Answer<Result<Vec<Explained>, Vec<Reason>>> {
        self.ask(|grid| explain_day(grid.facts(), request, branch, date))
    }

    fn ask<T>(&self, question: impl FnOnce(&TenantGrid<'static>) -> T) -> Answer<T> {
        self.read(|view| Answer { position: view.position(), value: question(view.grid()) })
    }
}
