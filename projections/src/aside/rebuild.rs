//! A read model of a tenant made again from the log while the live one goes on, then put in its place.
//!
//! Each page is committed with the position that it reaches, so a rebuild that was broken off goes on
//! where it stopped. The swap is one transaction that holds the live checkpoint: what happened in the
//! meantime is folded in, nothing is missed, nothing comes twice.

use std::{sync::Arc, time::Instant};

use chrono::NaiveDate;
use daybook_domain::{
    event_log::Position,
    ids::TenantId,
    ports::{EventLog, LogError},
};
use futures::{Stream, StreamExt as _};
use sqlx::{Executor as _, PgConnection, PgPool};

use crate::{event::Event, projector::Projector, tx::bulk_transaction};

use super::{
    AsideError, Compared, Pace, Skips, compare,
    digest::{count_digests, days_that_differ, digests_are_true},
    fold::{Page, bare, by_key, fold, pages, types_of},
    swap::{Kept, clear, clear_some, put_back, replace},
};

/// How often a run goes on from what another one has just done.
const TAKEN_OVER: usize = 3;
/// So many events may be left for the swap.
const LATE: u64 = 500;
/// How many differences a rebuild tells.
const TOLD: usize = 20;

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The position that was reached.
    pub position: Position,
    /// Where the history ended when the rebuild began.
    pub head: Position,
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Where the read model stands now.
    pub position: Position,
    /// Events that were folded.
    pub events: u64,
    /// The rows that were live against those that took their place.
    pub compared: Compared,
    /// The days on which they differ.
    pub days: Vec<NaiveDate>,
    /// Whether they took their place, so that there is something to take back.
    pub is_replaced: bool,
}

/// What a swap has found.
struct Settled {
    compared: Compared,
    days: Vec<NaiveDate>,
    is_replaced: bool,
}

/// The rebuild of one read model of one tenant.
pub struct Rebuild<L> {
    pool: PgPool,
    log: Arc<L>,
    tenant: TenantId,
    projector: Arc<dyn Projector>,
    pace: Pace,
}

impl<L> Clone for Rebuild<L> {
    fn clone(&self) -> Self {
        let (pool, log) = (self.pool.clone(), Arc::clone(&self.log));
        let (tenant, projector) = (self.tenant, Arc::clone(&self.projector));
        Self { pool, log, tenant, projector, pace: self.pace }
    }
}

impl<L> std::fmt::Debug for Rebuild<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rebuild({:?} of {})", self.projector, self.tenant)
    }
}

impl<L: EventLog> Rebuild<L> {
    /// A rebuild over a log that opens personal data, through a pool of the projector role. It gives way
    /// to others.
    pub fn new(pool: PgPool, log: Arc<L>, tenant: TenantId, projector: Arc<dyn Projector>) -> Self {
        Self { pool, log, tenant, projector, pace: Pace::GENTLE }
    }

    /// The same at another pace.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Makes the read model again and puts it in the place of the live one. Dropping it breaks it off
    /// after some page; running it again goes on from there.
    pub async fn run(&self, progress: impl Fn(Progress) + Send) -> Result<Rebuilt, AsideError> {
        // The last page of a run that was broken off may still be on its way: it counts.
        for _ in 0..TAKEN_OVER {
            match self.run_once(&progress).await {
                Err(AsideError::Busy) => {}
                done => return done,
            }
        }
        self.run_once(&progress).await
    }

    async fn run_once(&self, progress: &(impl Fn(Progress) + Send)) -> Result<Rebuilt, AsideError> {
        let began = self.begin().await?;
        let skips = Skips::load(self.log.as_ref(), self.tenant).await?;
        let (mut reached, mut head) = (began, self.head().await?);
        loop {
            let mut pages = std::pin::pin!(self.pages((reached, head)));
            while let Some(page) = pages.next().await {
                let (Page { to, events }, began) = (page?, Instant::now());
                self.advance(reached, to, events, skips.clone()).await?;
                self.pace.rest(began).await;
                reached = to;
                progress(Progress { position: reached, head });
            }
            // What came in the meantime is folded while the live projector still goes on, until little
            // is left for the swap, which holds it up.
            head = self.head().await?;
            if head.0 <= reached.0 + LATE {
                break;
            }
        }
        let (pool, projector) = (&self.pool, Arc::clone(&self.projector));
        let are_true = digests_are_true(pool, self.tenant, projector).await?;
        let (settled, position) = self.swap(reached, skips, are_true).await?;
        self.sweep().await?;
        let Settled { compared, days, is_replaced } = settled;
        Ok(Rebuilt { position, events: position.0 - began.0, compared, days, is_replaced })
    }

    async fn head(&self) -> Result<Position, AsideError> {
        Ok(self.log.head(self.tenant).await?.map_or(Position(0), |head| head.position))
    }

    fn pages(
        &self,
        range: (Position, Position),
    ) -> impl Stream<Item = Result<Page, LogError>> + Send + use<L> {
        let types = types_of([self.projector.as_ref()]);
        pages(&self.log, self.tenant, range, (self.pace.page, types))
    }

    /// Forgets what a rebuild that was broken off has made.
    pub async fn abandon(&self) -> Result<(), AsideError> {
        let this = self.clone();
        bulk_transaction(&self.pool, move |tx| {
            Box::pin(async move {
                let gone = this.keyed(include_str!("rebuild_delete.sql")).execute(&mut *tx).await?;
                if 0 < gone.rows_affected() {
                    for table in this.projector.tables() {
                        clear(tx, this.tenant, "read_next", bare(table)).await?;
                    }
                }
                Ok(())
            })
        })
        .await
    }

    /// Puts what the latest rebuild has replaced back in its place, and makes its version the live one
    /// again: that goes on from where it stood. Answers where that is.
    pub async fn take_back(&self) -> Result<Position, AsideError> {
        let this = self.clone();
        bulk_transaction(&self.pool, move |tx| {
            Box::pin(async move {
                this.lock_live(tx).await?;
                let replaced: Option<(i32, i32, i64)> =
                    sqlx::query_as(include_str!("rebuild_taken_back.sql"))
                        .bind(this.tenant.uuid())
                        .bind(this.projector.name())
                        .fetch_optional(&mut *tx)
                        .await?;
                let Some((after, before, replaced)) = replaced else {
                    return Err(AsideError::NothingBefore);
                };
                for table in this.projector.tables() {
                    put_back(tx, this.tenant, table, Kept::between(before, after)).await?;
                }
                this.stand_at(tx, before, replaced).await?;
                Ok(Position(replaced.cast_unsigned()))
            })
        })
        .await
    }

    /// Begins anew, or answers where it stopped.
    async fn begin(&self) -> Result<Position, AsideError> {
        let this = self.clone();
        let position: Result<i64, AsideError> = bulk_transaction(&self.pool, move |tx| {
            Box::pin(async move {
                let begun = sqlx::query_scalar(include_str!("rebuild_begin.sql"))
                    .bind(this.tenant.uuid())
                    .bind(this.projector.name())
                    .bind(this.projector.version());
                Ok(begun.fetch_one(tx).await?)
            })
        })
        .await;
        match position?.cast_unsigned() {
            // Somebody else may have swept the tables, too, and gone on.
            0 if !self.sweep().await? => Err(AsideError::Busy),
            position => Ok(Position(position)),
        }
    }

    /// Empties `read_next`, some rows at a time, as long as nothing that stands there counts. Answers
    /// whether it is so to the end.
    async fn sweep(&self) -> Result<bool, AsideError> {
        loop {
            let (this, began) = (self.clone(), Instant::now());
            let swept: Result<Option<u64>, AsideError> = bulk_transaction(&self.pool, move |tx| {
                Box::pin(async move {
                    let unused = this.keyed(include_str!("rebuild_unused.sql"));
                    if unused.fetch_optional(&mut *tx).await?.is_none() {
                        return Ok(None);
                    }
                    let mut rows = 0;
                    for table in this.projector.tables() {
                        let name = (("read_next", bare(table)), this.pace.page);
                        rows += clear_some(tx, this.tenant, name).await?;
                    }
                    Ok(Some(rows))
                })
            })
            .await;
            match swept? {
                None => return Ok(false),
                Some(0) => return Ok(true),
                Some(_) => self.pace.rest(began).await,
            }
        }
    }

    /// Folds a page, if nobody else has done it.
    async fn advance(
        &self,
        from: Position,
        to: Position,
        page: Vec<Event>,
        skips: Skips,
    ) -> Result<(), AsideError> {
        let this = self.clone();
        bulk_transaction(&self.pool, move |tx| {
            Box::pin(async move {
                tx.execute("SET LOCAL search_path = read_next, read").await?;
                let moved = this
                    .keyed(include_str!("rebuild_move.sql"))
                    .bind(from.0.cast_signed())
                    .bind(to.0.cast_signed())
                    .execute(&mut *tx)
                    .await?;
                if moved.rows_affected() == 0 {
                    return Err(AsideError::Busy);
                }
                fold(tx, this.tenant, &[Arc::clone(&this.projector)], &skips, &page).await
            })
        })
        .await
    }

    async fn swap(
        &self,
        from: Position,
        skips: Skips,
        are_true: bool,
    ) -> Result<(Settled, Position), AsideError> {
        let this = self.clone();
        bulk_transaction(&self.pool, move |tx| {
            Box::pin(async move {
                tx.execute("SET LOCAL search_path = read_next, read").await?;
                let projector = &this.projector;
                sqlx::query(include_str!("../runner/begin.sql"))
                    .bind(this.tenant.uuid())
                    .bind([projector.name()])
                    .bind([projector.version()])
                    .execute(&mut *tx)
                    .await?;
                // From here on the live projector waits, of whatever version it is.
                let (version, live) = this.lock_live(tx).await?.ok_or(AsideError::Busy)?;
                let reached = from.max(live);
                let mut pages = std::pin::pin!(this.pages((from, reached)));
                while let Some(page) = pages.next().await {
                    fold(tx, this.tenant, &[Arc::clone(projector)], &skips, &page?.events).await?;
                }
                let done = this
                    .keyed(include_str!("rebuild_done.sql"))
                    .bind(from.0.cast_signed())
                    .bind(reached.0.cast_signed())
                    .bind(version)
                    .bind(live.0.cast_signed())
                    .execute(&mut *tx)
                    .await?;
                if done.rows_affected() == 0 {
                    return Err(AsideError::Busy);
                }
                by_key(tx, false).await?;
                let settled = this.settle(tx, version, are_true).await?;
                this.stand_at(tx, projector.version(), reached.0.cast_signed()).await?;
                Ok((settled, reached))
            })
        })
        .await
    }

    /// Puts the new rows in the place of those of a version. Digests tell whether any differ; where they
    /// do not tell the truth, each row is looked at, and they are counted anew.
    async fn settle(
        &self,
        tx: &mut PgConnection,
        before: i32,
        are_true: bool,
    ) -> Result<Settled, AsideError> {
        let (tenant, projector) = (self.tenant, self.projector.as_ref());
        let (days, rows) = days_that_differ(tx, tenant, projector).await?;
        let compared = if are_true && days.is_empty() {
            Compared { rows, ..Compared::default() }
        } else {
            compare(tx, tenant, projector, &[], TOLD).await?
        };
        let kept = Kept::between(before, projector.version());
        let is_replaced = 0 < compared.differ || kept == Kept::All;
        for table in projector.tables() {
            if is_replaced {
                replace(tx, tenant, table, kept).await?;
            } else {
                clear(tx, tenant, "read_before", bare(table)).await?;
            }
        }
        if !is_replaced {
            // What was made is swept when nobody waits any more.
            self.keyed(include_str!("rebuild_nothing.sql")).execute(&mut *tx).await?;
        }
        if !are_true {
            count_digests(tx, tenant, projector).await?;
        }
        Ok(Settled { compared, days, is_replaced })
    }

    /// The version that is live and where it stands; held until the transaction ends.
    async fn lock_live(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<(i32, Position)>, sqlx::Error> {
        let live: Option<(i32, i64)> = sqlx::query_as(include_str!("lock_live.sql"))
            .bind(self.tenant.uuid())
            .bind(self.projector.name())
            .fetch_optional(tx)
            .await?;
        Ok(live.map(|(version, position)| (version, Position(position.cast_unsigned()))))
    }

    /// Moves the live checkpoint, which the transaction holds. Nothing is parked any more: what could
    /// not be followed would have ended the rebuild.
    async fn stand_at(
        &self,
        tx: &mut PgConnection,
        version: i32,
        position: i64,
    ) -> Result<(), sqlx::Error> {
        let (tenant, name) = (self.tenant.uuid(), self.projector.name());
        sqlx::query(include_str!("unpark.sql")).bind(tenant).bind(name).execute(&mut *tx).await?;
        sqlx::query(include_str!("stand_at.sql"))
            .bind(tenant)
            .bind(name)
            .bind(version)
            .bind(position)
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    /// A statement on the key of this rebuild.
    fn keyed<'q>(
        &'q self,
        statement: &'static str,
    ) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
        let (name, version) = (self.projector.name(), self.projector.version());
        sqlx::query(statement).bind(self.tenant.uuid()).bind(name).bind(version)
    }
}
