//! Leases: which runner works on which tenants.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use daybook_domain::ids::{TENANT_RANGES, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use super::{RunnerConfig, step::Fence};

/// Into how many ranges the tenants are spread. As many rows as migrations make.
pub const RANGES: i32 = TENANT_RANGES;

/// The ranges that a runner holds now: whoever else works on tenants takes the same ones. Clones tell each
/// other.
#[derive(Clone, Debug, Default)]
pub struct LeasedRanges(Arc<RwLock<Vec<i32>>>);

impl LeasedRanges {
    /// The ranges.
    pub fn get(&self) -> Vec<i32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every range: for a program that works alone, without a runner.
    pub fn all() -> Self {
        Self(Arc::new(RwLock::new((0..RANGES).collect())))
    }

    fn set(&self, ranges: Vec<i32>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ranges;
    }
}

/// The ranges of one runner.
#[derive(Debug)]
pub(super) struct Leases {
    owner: Uuid,
    held: BTreeMap<i32, i64>,
    runners: i64,
    ranges: LeasedRanges,
}

impl Leases {
    /// Nothing held yet; `ranges` says what is.
    pub(super) const fn new(owner: Uuid, ranges: LeasedRanges) -> Self {
        Self { owner, held: BTreeMap::new(), runners: 0, ranges }
    }

    /// The right to work on a tenant, if it is in one of our ranges.
    pub(super) fn fence(&self, tenant: TenantId) -> Option<Fence> {
        let range_no = tenant.range();
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
        let seconds = config.lease.as_secs_f64();
        let runners: i64 = sqlx::query_scalar(include_str!("lease_alive.sql"))
            .bind(self.owner)
            .bind(seconds)
            .fetch_one(pool)
            .await?;
        self.runners = runners;
        let share = i64::from(RANGES).div_euclid(runners.max(1))
            + i64::from(i64::from(RANGES).rem_euclid(runners.max(1)) > 0);
        let kept: Vec<(i32, i64)> = sqlx::query_as(include_str!("lease_renew.sql"))
            .bind(self.owner)
            .bind(seconds)
            .bind(share)
            .fetch_all(pool)
            .await?;
        let before = std::mem::replace(&mut self.held, kept.into_iter().collect());
        let room = share - i64::try_from(self.held.len()).unwrap_or(share);
        if room > 0 {
            let taken: Vec<(i32, i64)> = sqlx::query_as(include_str!("lease_take.sql"))
                .bind(self.owner)
                .bind(seconds)
                .bind(room)
                .fetch_all(pool)
                .await?;
            self.held.extend(taken);
        }
        self.ranges.set(self.held.keys().copied().collect());
        Ok(self.held.iter().any(|(range_no, epoch)| before.get(range_no) != Some(epoch)))
    }

    /// Gives everything back, so that others need not wait for the end of the leases.
    pub(super) async fn release(&mut self, pool: &PgPool) -> Result<(), sqlx::Error> {
        self.held.clear();
        self.ranges.set(Vec::new());
        sqlx::query(include_str!("lease_release.sql")).bind(self.owner).execute(pool).await?;
        Ok(())
    }
}
