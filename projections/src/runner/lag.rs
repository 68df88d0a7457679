//! How far behind the read models are: for health and for metrics.

use std::{collections::HashMap, sync::Arc, time::Duration};

use daybook_domain::{
    event_log::{Head, Position},
    ids::TenantId,
    ports::EventLog,
};
use sqlx::prelude::FromRow;
use tokio::time::Instant;
use uuid::Uuid;

use super::{RANGES, Runner, RunnerError};
use crate::projector::Projector;

/// How far one projector is behind the heads of all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The projector.
    pub projector: &'static str,
    /// Its version.
    pub version: i32,
    /// Events that it has not seen yet.
    pub events: u64,
    /// Tenants that it has to catch up with.
    pub tenants: u64,
    /// Streams that are parked.
    pub parked: u64,
    /// Tenants that another version is live for: this one is made beside it, or was taken back.
    pub outdated: u64,
}

/// Remembers which tenants a projector may be behind with, so that the others are not counted again.
#[derive(Debug, Default)]
pub(super) struct LagTracker {
    /// When it was counted last, and when over all tenants.
    counted: Option<Instant>,
    counted_all: Option<Instant>,
    /// The heads of tenants with something to count.
    behind: HashMap<TenantId, Position>,
}

/// All tenants are counted again after so long: a checkpoint may have been taken back.
const COUNT_ALL: Duration = Duration::from_mins(1);
/// An append may be seen so long after the time that it bears.
const MARGIN: Duration = Duration::from_secs(10);
/// Tenants that are counted in one go.
const PAGE: usize = 1000;

/// What was counted over some tenants.
#[derive(FromRow)]
struct Counted {
    events: i64,
    tenants: i64,
    parked: i64,
    outdated: i64,
    with_something: Vec<Uuid>,
}

impl<L: EventLog> Runner<L> {
    /// How far every projector is behind, over all tenants and whoever works on them. What costs time
    /// is counted beside the answer: tenants to which nothing has happened are counted once a minute.
    pub async fn lag(&self) -> Result<Vec<Lag>, RunnerError> {
        let mut tracker = self.shared.lag.lock().await;
        let is_all = tracker.counted_all.is_none_or(|at| COUNT_ALL < at.elapsed());
        match tracker.counted.filter(|_| !is_all) {
            Some(counted) => self.count_moved(&mut tracker, counted).await,
            None => self.count_all(&mut tracker).await,
        }
    }

    async fn count_all(&self, tracker: &mut LagTracker) -> Result<Vec<Lag>, RunnerError> {
        let (now, mut lags) = (Instant::now(), self.no_lag());
        *tracker = LagTracker::default();
        let mut after = None;
        loop {
            let heads = self.shared.log.heads(after, PAGE).await?;
            let Some(last) = heads.last() else { break };
            after = Some(last.tenant);
            self.count(&heads, tracker, &mut lags).await?;
        }
        (tracker.counted, tracker.counted_all) = (Some(now), Some(now));
        Ok(lags)
    }

    async fn count_moved(
        &self,
        tracker: &mut LagTracker,
        counted: Instant,
    ) -> Result<Vec<Lag>, RunnerError> {
        let (now, mut lags) = (Instant::now(), self.no_lag());
        let ranges: Vec<i32> = (0..RANGES).collect();
        let moved = self.shared.log.moved_heads(&ranges, counted.elapsed() + MARGIN).await?;
        let mut behind = std::mem::take(&mut tracker.behind);
        behind.extend(moved.into_iter().map(|head| (head.tenant, head.position)));
        let hash = [0; 32];
        let heads: Vec<Head> =
            behind.into_iter().map(|(tenant, position)| Head { tenant, position, hash }).collect();
        for heads in heads.chunks(PAGE) {
            self.count(heads, tracker, &mut lags).await?;
        }
        tracker.counted = Some(now);
        Ok(lags)
    }

    fn no_lag(&self) -> Vec<Lag> {
        let empty = |projector: &Arc<dyn Projector>| Lag {
            projector: projector.name(),
            version: projector.version(),
            events: 0,
            tenants: 0,
            parked: 0,
            outdated: 0,
        };
        self.shared.projectors.iter().map(empty).collect()
    }

    async fn count(
        &self,
        heads: &[Head],
        tracker: &mut LagTracker,
        lags: &mut [Lag],
    ) -> Result<(), RunnerError> {
        let names: Vec<&str> = lags.iter().map(|lag| lag.projector).collect();
        let versions: Vec<i32> = lags.iter().map(|lag| lag.version).collect();
        let tenants: Vec<Uuid> = heads.iter().map(|head| head.tenant.uuid()).collect();
        let positions: Vec<i64> = heads.iter().map(|head| head.position.0.cast_signed()).collect();
        let rows: Vec<Counted> = sqlx::query_as(include_str!("lag.sql"))
            .bind(&tenants)
            .bind(&positions)
            .bind(&names)
            .bind(&versions)
            .fetch_all(&self.shared.pool)
            .await?;
        let positions: HashMap<Uuid, Position> =
            heads.iter().map(|head| (head.tenant.uuid(), head.position)).collect();
        for (lag, row) in lags.iter_mut().zip(rows) {
            lag.events += row.events.unsigned_abs();
            lag.tenants += row.tenants.unsigned_abs();
            lag.parked += row.parked.unsigned_abs();
            lag.outdated += row.outdated.unsigned_abs();
            for id in row.with_something {
                let position = positions.get(&id).copied().unwrap_or_default();
                tracker.behind.insert(TenantId::new(id), position);
            }
        }
        Ok(())
    }
}
