//! Hints that a tenant's history grew. A hint may come late, twice or not at all: whoever listens
//! reads the log, and polls it now and then anyway.
//!
//! NOTIFY in the append transaction would halve the throughput: its commit takes a lock of the
//! whole cluster. So one task per process tells the others after the commit, seldom and in bulk.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use daybook_domain::{event_log::Position, ids::TenantId};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener},
};
use tokio::{
    sync::{Notify, broadcast},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use uuid::Uuid;

use crate::postgres::{PoolRole, pool_options};

const CHANNEL: &str = "daybook_log";
/// At most one message per process in this time, so less than 20 a second: a message costs every process
/// a wake-up.
const DEBOUNCE: Duration = Duration::from_millis(55);
/// How long to wait before a lost connection is tried again.
const RECONNECT: Duration = Duration::from_secs(1);
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
    grew: Notify,
}

impl Default for Hints {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(1024);
        Self { inner: Arc::new(Inner { sender, untold: Mutex::default(), grew: Notify::new() }) }
    }
}

impl Hints {
    /// The hints from now on. A receiver that lags has missed hints and should look at every head.
    pub fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.inner.sender.subscribe()
    }

    /// Something was committed by this process.
    pub(crate) fn committed(&self, tenant: TenantId, position: Position) {
        self.publish(Hint { tenant, position });
        let mut untold = self.untold();
        let known = untold.entry(tenant).or_default();
        *known = position.max(*known);
        drop(untold);
        self.inner.grew.notify_one();
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
    /// It returns once it listens. `process` tells this process from the others.
    pub async fn start(
        options: PgConnectOptions,
        hints: Hints,
        process: Uuid,
    ) -> Result<Self, sqlx::Error> {
        let pool = pool_options(PoolRole::Append, 2)
            .connect_with(options.application_name("daybook-hints"))
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        let tell = tokio::spawn(tell(pool, hints.clone(), process));
        let listen = tokio::spawn(listen(listener, hints, process));
        Ok(Self { tasks: [tell, listen] })
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
            let told = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(message(process, part))
                .execute(&pool)
                .await;
            if let Err(error) = told {
                // Others poll; nothing is lost but a moment.
                tracing::warn!(%error, "other processes were not told of new events");
            }
        }
    }
}

async fn listen(mut listener: PgListener, hints: Hints, process: Uuid) {
    let mut retry = interval(RECONNECT);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        match listener.recv().await {
            Ok(notification) => {
                for hint in foreign_hints(process, notification.payload()) {
                    hints.publish(hint);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "hints of other processes are not heard");
                retry.tick().await;
            }
        }
    }
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
