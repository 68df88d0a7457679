//! Pools: one per role, small, and clean whenever a connection comes back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use daybook_projections::connection::silent;
use sqlx::{
    Connection as _, Executor, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, timeout};

/// What a pool is for. It decides the role that its connections take, and so what they may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRole {
    /// Appends and the reads that decisions rest on.
    Append,
    /// Projections and their workers.
    Projector,
    /// Queries of the API: row-level security shows the one tenant of the [`super::Scope`].
    App,
    /// The vault: as `App`, over the keys.
    Vault,
    /// The sender of webhooks, for every tenant.
    Webhooks,
}

impl PoolRole {
    const fn application_name(self) -> &'static str {
        match self {
            Self::Append => "daybook-append",
            Self::Projector => "daybook-projector",
            Self::App => "daybook-app",
            Self::Vault => "daybook-vault",
            Self::Webhooks => "daybook-webhooks",
        }
    }

    /// What a connection is told before it serves, and again whenever it is given back. One simple
    /// message, off the path of any request. BEGIN makes sure that there is something for ROLLBACK to
    /// end: otherwise it would be a warning in the server's log each time.
    const fn clean_state(self) -> &'static str {
        match self {
            Self::Append => "BEGIN; ROLLBACK; SET ROLE daybook_append; SET app.tenant_id = ''",
            Self::Projector => {
                "BEGIN; ROLLBACK; SET ROLE daybook_projector; SET app.tenant_id = ''"
            }
            Self::App => "BEGIN; ROLLBACK; SET ROLE daybook_app; SET app.tenant_id = ''",
            Self::Vault => "BEGIN; ROLLBACK; SET ROLE daybook_vault; SET app.tenant_id = ''",
            Self::Webhooks => "BEGIN; ROLLBACK; SET ROLE daybook_webhooks; SET app.tenant_id = ''",
        }
    }
}

impl PoolRole {
    /// Whether it is of use only on the server that takes writes. Keys are read on a standby, too, by
    /// those who audit there.
    const fn writes(self) -> bool {
        !matches!(self, Self::Vault)
    }

    /// What a connection is told once, besides [`SESSION`].
    const fn session(self) -> &'static str {
        match self {
            // A read model and its checkpoint are lost together in a crash, and made again: nobody
            // has to wait for the disk. Rows are looked up by key, some at a time, in tables whose
            // statistics lag behind: by index, whatever the statistics say, and by a plan for the size
            // that the table has now. One that was made when it was empty takes every index for as
            // good as the key.
            Self::Projector => {
                "SET synchronous_commit = off; SET jit = off; SET enable_seqscan = off; \
                 SET enable_hashjoin = off; SET enable_mergejoin = off; \
                 SET plan_cache_mode = force_custom_plan"
            }
            Self::Append => "SET jit = off",
            // Queries read a page in the order of an index. Statistics of any tenant would be wrong for
            // most, so it is not left to them whether everything is read and sorted instead. Whoever
            // asked has gone when the time is over.
            Self::App => {
                "SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; \
                 SET enable_sort = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                 SET plan_cache_mode = force_custom_plan; SET statement_timeout = '30s'"
            }
            Self::Vault | Self::Webhooks => "SET jit = off; SET statement_timeout = '30s'",
        }
    }
}

/// Why a connection is dropped as soon as it is made.
const STANDBY: &str = "the server is a standby: it does not take writes and may lag behind";

async fn is_in_recovery(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let asked = connection.fetch_one("SELECT pg_catalog.pg_is_in_recovery()").await?;
    asked.try_get(0)
}

/// For the life of a connection. BEGIN in a transaction that was left open draws a warning: it is not
/// sent. A leaked transaction that every other guard missed ends by itself.
///
/// Read models are named without their schema: what a session folds aside into tables of its own stands
/// before those that are live.
const SESSION: &str = "SET client_min_messages = error; SET search_path = read; \
     SET idle_in_transaction_session_timeout = '15s'";

/// When the server gives up a client that has gone silent: otherwise a session that holds locks, such as
/// that of a tenant's head, may keep them for hours. Not every platform has all of them.
const SERVER_DEADLINES: &str = "DO $$ BEGIN \
       SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; \
       SET tcp_keepalives_count = 3; SET tcp_user_timeout = '10s'; \
       SET client_connection_check_interval = '3s'; \
     EXCEPTION WHEN OTHERS THEN NULL; END $$";

/// A connection that was idle for longer is tested before it serves.
const UNTESTED: Duration = Duration::from_millis(100);

/// How long such a test may take.
const TEST: Duration = Duration::from_secs(1);

/// How long a caller waits for a connection, and a connection to be made.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a connection may take to be cleaned when it comes back.
const CLEAN: Duration = Duration::from_secs(2);

/// When a connection of a pool last turned out to be silent. Those that were made before have most
/// likely gone the same way: none of them is waited for again.
#[derive(Clone, Debug, Default)]
struct Silence(Arc<Mutex<Option<Instant>>>);

impl Silence {
    fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether it fell after a connection of this age was made.
    fn is_younger_than(&self, age: Duration) -> bool {
        let began = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        began.is_some_and(|began| began.elapsed() < age)
    }
}

/// The options of a pool with all guards; for callers that want another size or lifetime.
pub fn pool_options(role: PoolRole, size: u32) -> PgPoolOptions {
    let silence = Silence::default();
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        // A ping before each use is a round trip. Whoever was idle for no longer than no server takes
        // to start again after a crash is used as it is.
        .test_before_acquire(false)
        .before_acquire(move |connection, held| {
            let silence = silence.clone();
            Box::pin(async move {
                if held.idle_for < UNTESTED {
                    return Ok(true);
                }
                if silence.is_younger_than(held.age) {
                    return Err(silent());
                }
                let Ok(answered) = timeout(TEST, connection.ping()).await else {
                    silence.begin();
                    return Err(silent());
                };
                answered.map(|()| true)
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                if role.writes() && is_in_recovery(connection).await? {
                    return Err(sqlx::Error::Protocol(STANDBY.to_owned()));
                }
                connection.execute(SERVER_DEADLINES).await?;
                connection.execute(role.session()).await?;
                connection.execute(role.clean_state()).await?;
                Ok(())
            })
        })
        .after_release(move |connection, _| {
            Box::pin(async move {
                let cleaned = timeout(CLEAN, async {
                    // In a transaction that has failed BEGIN fails too, and there is something to end.
                    if connection.execute(role.clean_state()).await.is_err() {
                        connection.execute("ROLLBACK").await?;
                        connection.execute(role.clean_state()).await?;
                    }
                    Ok(true)
                });
                cleaned.await.unwrap_or_else(|_elapsed| Err(silent()))
            })
        })
}

/// Opens a pool with all guards. 8 to 16 connections serve any number of callers; more are slower.
pub async fn connect_pool(
    options: PgConnectOptions,
    role: PoolRole,
    size: u32,
) -> Result<PgPool, sqlx::Error> {
    let options = options.application_name(role.application_name());
    pool_options(role, size).connect_with(options).await
}
