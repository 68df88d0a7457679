//! How far behind the read models are: for health and for metrics.

use daybook_domain::ports::EventLog;

use tokio::time::timeout;

use super::{Runner, RunnerError};
use crate::connection::{Held, STATEMENT};

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

impl<L: EventLog> Runner<L> {
    /// How far every projector is behind, over all tenants and whoever works on them.
    pub async fn lag(&self) -> Result<Vec<Lag>, RunnerError> {
        let projectors = &self.shared.projectors;
        let names: Vec<&str> = projectors.iter().map(|projector| projector.name()).collect();
        let versions: Vec<i32> = projectors.iter().map(|projector| projector.version()).collect();
        let empty = |(projector, version)| Lag {
            projector,
            version,
            events: 0,
            tenants: 0,
            parked: 0,
            outdated: 0,
        };
        let mut lags: Vec<Lag> =
            projectors.iter().map(|p| empty((p.name(), p.version()))).collect();
        let mut after = None;
        loop {
            let heads = self.shared.log.heads(after, 1000).await?;
            let Some(last) = heads.last() else { return Ok(lags) };
            after = Some(last.tenant);
            let tenants: Vec<uuid::Uuid> = heads.iter().map(|head| head.tenant.uuid()).collect();
            let positions: Vec<i64> =
                heads.iter().map(|head| head.position.0.cast_signed()).collect();
            let mut held = Held::acquire(&self.shared.pool).await?;
            let rows = sqlx::query_as(include_str!("lag.sql"))
                .bind(&tenants)
                .bind(&positions)
                .bind(&names)
                .bind(&versions)
                .fetch_all(&mut *held);
            let rows = timeout(STATEMENT, rows).await;
            let rows: Vec<(i64, i64, i64, i64)> = held.finish(rows)?;
            for (lag, (events, tenants, parked, outdated)) in lags.iter_mut().zip(rows) {
                lag.events += events.unsigned_abs();
                lag.tenants += tenants.unsigned_abs();
                lag.parked += parked.unsigned_abs();
                lag.outdated += outdated.unsigned_abs();
            }
        }
    }
}
