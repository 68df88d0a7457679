//! Leases: which runner works on which tenants.

use std::collections::BTreeMap;

use daybook_domain::ids::TenantId;
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;
use uuid::Uuid;

use super::{RunnerConfig, step::Fence};
use crate::connection::{Held, STATEMENT};

/// Into how many ranges the tenants are spread. As many rows as migrations make.
pub const RANGES: i32 = 64;

/// The ranges of one runner.
#[derive(Debug)]
pub(super) struct Leases {
    owner: Uuid,
    held: BTreeMap<i32, i64>,
    runners: i64,
}

/// The range of a tenant. The last byte of a UUID is random, in every version that is in use.
pub(super) const fn range_of(tenant: TenantId) -> i32 {
    let [.., last] = *tenant.uuid().as_bytes();
    (last as i32) % RANGES
}

impl Leases {
    pub(super) const fn new(owner: Uuid) -> Self {
        Self { owner, held: BTreeMap::new(), runners: 0 }
    }

    /// The right to work on a tenant, if it is in one of our ranges.
    pub(super) fn fence(&self, tenant: TenantId) -> Option<Fence> {
        let range_no = range_of(tenant);
        let epoch = *self.held.get(&range_no)?;
        Some(Fence { owner: self.owner, range_no, epoch })
    }

    /// How many ranges we hold.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many runners were alive at the last renewal, this one included.
    pub(super) const fn runners(&self) -> i64 {
        self.runners
    }

    /// Says that we are alive, keeps what we hold, gives back what is more than our share, and
    /// takes what is free. Answers whether there is a range that we did not hold before.
    pub(super) async fn renew(
        &mut self,
        pool: &PgPool,
        config: &RunnerConfig,
    ) -> Result<bool, sqlx::Error> {
        let mut held = Held::acquire(pool).await?;
        let renewed = timeout(STATEMENT, self.renew_over(&mut held, config)).await;
        held.finish(renewed)
    }

    async fn renew_over(
        &mut self,
        connection: &mut PgConnection,
        config: &RunnerConfig,
    ) -> Result<bool, sqlx::Error> {
        let seconds = config.lease.as_secs_f64();
        let runners: i64 = sqlx::query_scalar(include_str!("lease_alive.sql"))
            .bind(self.owner)
            .bind(seconds)
            .fetch_one(&mut *connection)
            .await?;
        self.runners = runners;
        let share = i64::from(RANGES).div_euclid(runners.max(1))
            + i64::from(i64::from(RANGES).rem_euclid(runners.max(1)) > 0);
        let kept: Vec<(i32, i64)> = sqlx::query_as(include_str!("lease_renew.sql"))
            .bind(self.owner)
            .bind(seconds)
            .bind(share)
            .fetch_all(&mut *connection)
            .await?;
        let before = std::mem::replace(&mut self.held, kept.into_iter().collect());
        let room = share - i64::try_from(self.held.len()).unwrap_or(share);
        if room > 0 {
            let taken: Vec<(i32, i64)> = sqlx::query_as(include_str!("lease_take.sql"))
                .bind(self.owner)
                .bind(seconds)
                .bind(room)
                .fetch_all(connection)
                .await?;
            self.held.extend(taken);
        }
        Ok(self.held.iter().any(|(range_no, epoch)| before.get(range_no) != Some(epoch)))
    }

    /// Gives everything back, so that others need not wait for the end of the leases.
    pub(super) async fn release(&mut self, pool: &PgPool) -> Result<(), sqlx::Error> {
        self.held.clear();
        let mut held = Held::acquire(pool).await?;
        let release = sqlx::query(include_str!("lease_release.sql")).bind(self.owner);
        let released = timeout(STATEMENT, release.execute(&mut *held)).await;
        held.finish(released).map(drop)
    }
}
