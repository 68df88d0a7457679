//! New versions of projectors: the read models of every tenant are made anew beside the old ones, one
//! after the other, and take their place.
//!
//! Any number of processes may be at it: whoever comes second to a read model leaves it alone. Programs
//! that know only the old version go on with the tenants that are not done yet, and leave those alone
//! that are. A version that is newer than the code's is never touched.

use std::{sync::Arc, time::Duration};

use daybook_domain::{ids::TenantId, ports::EventLog};
use sqlx::PgPool;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use uuid::Uuid;

use crate::{connection::Held, projector::Projector};

use super::{AsideError, Rebuild};

/// How often it is looked whether there is something to do: programs of before may still begin new
/// tenants.
const LOOK: Duration = Duration::from_secs(30);

/// Makes read models anew whose version is old.
pub struct Renewal<L> {
    pool: PgPool,
    log: Arc<L>,
    projectors: Vec<Arc<dyn Projector>>,
}

impl<L> std::fmt::Debug for Renewal<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewal").field("projectors", &self.projectors).finish_non_exhaustive()
    }
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Read models that were put in the place of old ones.
    pub done: usize,
    /// Read models that could not be made; the old ones stay.
    pub failed: usize,
}

/// A renewal at work. Dropping the handle breaks it off after some page; nothing is lost.
#[derive(Debug)]
pub struct RenewalHandle {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl RenewalHandle {
    /// Breaks off what is under way; the next process goes on from there.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the renewal of read models ended badly");
        }
    }
}

impl Drop for RenewalHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<L: EventLog> Renewal<L> {
    /// A renewal over a log that opens personal data, through a pool of the projector role of its own.
    pub fn new(pool: PgPool, log: Arc<L>, projectors: Vec<Arc<dyn Projector>>) -> Self {
        Self { pool, log, projectors }
    }

    /// Goes over everything that is old, once.
    pub async fn turn(&self) -> Result<Renewed, AsideError> {
        let names: Vec<&str> = self.projectors.iter().map(|projector| projector.name()).collect();
        let versions: Vec<i32> = self.projectors.iter().map(|it| it.version()).collect();
        let (mut renewed, mut after) = (Renewed::default(), (Uuid::nil(), String::new()));
        loop {
            let page: Vec<(Uuid, String)> = sqlx::query_as(include_str!("outdated.sql"))
                .bind(&names)
                .bind(&versions)
                .bind(after.0)
                .bind(&after.1)
                .fetch_all(&mut *Held::acquire(&self.pool).await?)
                .await?;
            let Some(last) = page.last() else { return Ok(renewed) };
            after = last.clone();
            for (tenant, name) in &page {
                self.renew(TenantId::new(*tenant), name, &mut renewed).await?;
            }
        }
    }

    async fn renew(
        &self,
        tenant: TenantId,
        name: &str,
        renewed: &mut Renewed,
    ) -> Result<(), AsideError> {
        let Some(projector) = self.projectors.iter().find(|it| it.name() == name) else {
            return Ok(());
        };
        let (pool, log) = (self.pool.clone(), Arc::clone(&self.log));
        let rebuild = Rebuild::new(pool, log, tenant, Arc::clone(projector));
        let version = projector.version();
        match rebuild.run(|_| ()).await {
            Ok(done) => {
                renewed.done += 1;
                let (events, changed) = (done.events, done.compared.differ);
                tracing::info!(%tenant, projector = name, version, events, changed, "renewed");
            }
            Err(AsideError::Busy) => {}
            Err(error @ (AsideError::NotFollowed { .. } | AsideError::Broken { .. })) => {
                renewed.failed += 1;
                tracing::error!(%tenant, projector = name, version, %error, "cannot be renewed");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sets to work in the background.
    pub fn start(self) -> RenewalHandle {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    turn = self.turn() => {
                        if let Err(error) = turn {
                            tracing::warn!(%error, "read models are renewed later");
                        }
                    }
                    _ = stopped.wait_for(|stop| *stop) => return,
                }
                if timeout(LOOK, stopped.wait_for(|stop| *stop)).await.is_ok() {
                    return;
                }
            }
        });
        RenewalHandle { stop, task }
    }
}
