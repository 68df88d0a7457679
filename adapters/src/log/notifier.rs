//! Hints that a tenant's history grew. A hint may come late, twice or not at all: whoever listens
//! reads the log, and polls it now and then anyway.
//!
//! NOTIFY in the append transaction would halve the throughput: its commit takes a lock of the
//! whole cluster. So one task per process tells the others after the commit, seldom and in bulk.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use daybook_domain::{event_log::Position, ids::TenantId};
use sqlx::{
    Executor as _, PgPool,
    postgres::{PgConnectOptions, PgListener},
};
use tokio::{
    sync::{Notify, broadcast},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use crate::postgres::{Held, PoolRole, STATEMENT, pool_options, silent};

const CHANNEL: &str = "daybook_log";
/// At most one message per process in this time, so less than 20 a second: a message costs every process
/// a wake-up.
const DEBOUNCE: Duration = Duration::from_millis(55);
/// How long to wait before a lost connection is tried again.
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a commit of this process is remembered for its readers. Longer than any reader trusts
/// what it last read without another look at the log.
const RECENT: Duration = Duration::from_secs(1);
/// How long no hint may come before the connection is tested.
const QUIET: Duration = Duration::from_secs(10);
/// Tenants per message: PostgreSQL takes messages of less than 8000 bytes.
const TENANTS_PER_MESSAGE: usize = 120;

/// A tenant's history reaches at least to this position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The tenant.
    pub tenant: TenantId,
    /// The position.
    pub position: Position,
}

/// Where hints come together: commits of this process at once, those of others through a
/// [`HintRelay`]. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Hints {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sender: broadcast::Sender<Hint>,
    /// What other processes were not told yet: at most one entry per tenant.
    untold: Mutex<HashMap<TenantId, Position>>,
    /// What this process committed within [`RECENT`].
    recent: Mutex<Recent>,
    grew: Notify,
}

#[derive(Debug, Default)]
struct Recent {
    commits: HashMap<TenantId, (Position, Instant)>,
    swept_at: Option<Instant>,
}

impl Recent {
    fn note(&mut self, tenant: TenantId, position: Position, now: Instant) {
        let known = self.commits.entry(tenant).or_insert((position, now));
        *known = (position.max(known.0), now);
        // The map is as large as the tenants that write within two seconds.
        if self.swept_at.is_none_or(|at| RECENT < now - at) {
            self.swept_at = Some(now);
            self.commits.retain(|_, (_, at)| now - *at <= RECENT);
        }
    }
}

impl Default for Hints {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(1024);
        let (untold, recent) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { sender, untold, recent, grew: Notify::new() }) }
    }
}

impl Hints {
    /// The hints from now on. A receiver that lags has missed hints and should look at every head.
    pub fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.inner.sender.subscribe()
    }

    /// Something was committed by this process.
    pub(crate) fn committed(&self, tenant: TenantId, position: Position) {
        self.recent().note(tenant, position, Instant::now());
        self.publish(Hint { tenant, position });
        let mut untold = self.untold();
        let known = untold.entry(tenant).or_default();
        *known = position.max(*known);
        drop(untold);
        self.inner.grew.notify_one();
    }

    /// The last position of a tenant that this process committed within the last second. Noted
    /// before the caller of the append gets its answer.
    pub fn last_commit(&self, tenant: TenantId) -> Option<Position> {
        let recent = self.recent();
        let (position, at) = recent.commits.get(&tenant)?;
        (at.elapsed() <= RECENT).then_some(*position)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.inner.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, hint: Hint) {
        // No one listens: no one misses it.
        drop(self.inner.sender.send(hint));
    }

    fn untold(&self) -> MutexGuard<'_, HashMap<TenantId, Position>> {
        self.inner.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries hints between the processes of one database, over two connections of its own. LISTEN
/// needs a session: give it a direct connection, not a transaction pooler. Stops when dropped.
#[derive(Debug)]
pub struct HintRelay {
    tasks: [JoinHandle<()>; 2],
}

impl HintRelay {
    /// Starts to tell others what `hints` hears from this process, and `hints` what others tell.
    ///
    /// It returns once it listens, or has failed to: it tries again as long as it lives. `process` tells
    /// this process from the others.
    pub async fn start(options: PgConnectOptions, hints: Hints, process: Uuid) -> Self {
        let options = options.application_name("daybook-hints");
        let pool = pool_options(PoolRole::Append, 1).connect_lazy_with(options.clone());
        let listener = subscribe(&options).await;
        let tell = tokio::spawn(tell(pool, hints.clone(), process));
        let listen = tokio::spawn(listen(listener, options, hints, process));
        Self { tasks: [tell, listen] }
    }
}

impl Drop for HintRelay {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn tell(pool: PgPool, hints: Hints, process: Uuid) {
    let mut pace = interval(DEBOUNCE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hints.inner.grew.notified().await;
        pace.tick().await;
        let news: Vec<_> = std::mem::take(&mut *hints.untold()).into_iter().collect();
        for part in news.chunks(TENANTS_PER_MESSAGE) {
            if let Err(error) = notify(&pool, message(process, part)).await {
                // Others poll; nothing is lost but a moment.
                tracing::warn!(%error, "other processes were not told of new events");
            }
        }
    }
}

async fn notify(pool: &PgPool, message: String) -> Result<(), sqlx::Error> {
    let mut held = Held::acquire(pool).await?;
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(message);
    let notified = timeout(STATEMENT, notify.execute(&mut *held)).await;
    held.finish(notified).map(drop)
}

async fn listen(
    mut listener: Result<PgListener, sqlx::Error>,
    options: PgConnectOptions,
    hints: Hints,
    process: Uuid,
) {
    let mut retry = interval(RECONNECT);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let failed = match listener {
            Ok(listener) => hear(listener, &hints, process).await,
            Err(error) => error,
        };
        tracing::warn!(error = %failed, "hints of other processes are not heard");
        retry.tick().await;
        listener = subscribe(&options).await;
    }
}

/// Hears hints until the connection fails.
async fn hear(mut listener: PgListener, hints: &Hints, process: Uuid) -> sqlx::Error {
    loop {
        match timeout(QUIET, listener.recv()).await {
            Ok(Ok(notification)) => {
                for hint in foreign_hints(process, notification.payload()) {
                    hints.publish(hint);
                }
            }
            Ok(Err(error)) => return error,
            // There may be no news, or nobody any more who could tell of them.
            Err(_elapsed) => match timeout(STATEMENT, listener.execute("SELECT")).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error,
                Err(_elapsed) => return silent(),
            },
        }
    }
}

/// Listens over a pool of its own: a listener that has gone silent keeps its connection for good.
async fn subscribe(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = pool_options(PoolRole::Append, 1).connect_lazy_with(options.clone());
    let subscribed = timeout(STATEMENT, async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    });
    subscribed.await.unwrap_or_else(|_elapsed| Err(silent()))
}

/// `process tenant:position tenant:position …`
fn message(process: Uuid, news: &[(TenantId, Position)]) -> String {
    news.iter().fold(process.to_string(), |mut text, (tenant, position)| {
        // Writing to a string cannot fail.
        let _written = write!(text, " {tenant}:{position}");
        text
    })
}

/// The hints in a message, unless it is our own. What cannot be read is no hint.
fn foreign_hints(process: Uuid, message: &str) -> Vec<Hint> {
    let mut words = message.split(' ');
    if words.next() == Some(process.to_string().as_str()) {
        return Vec::new();
    }
    words
        .filter_map(|word| {
            let (tenant, position) = word.split_once(':')?;
            Some(Hint { tenant: tenant.parse().ok()?, position: Position(position.parse().ok()?) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_recent_commits_are_remembered_and_the_latest_position_wins() {
        let (tenant, other) =
            (TenantId::new(Uuid::from_u128(1)), TenantId::new(Uuid::from_u128(2)));
        let hints = Hints::default();
        hints.committed(tenant, Position(7));
        hints.committed(tenant, Position(6));
        assert_eq!(hints.last_commit(tenant), Some(Position(7)));
        assert_eq!(hints.last_commit(other), None);
        let mut recent = Recent::default();
        let now = Instant::now();
        recent.note(tenant, Position(1), now);
        recent.note(other, Position(1), now + RECENT * 3);
        assert_eq!(recent.commits.keys().collect::<Vec<_>>(), [&other]);
    }
}
