//! Pools: one per role, small, and clean whenever a connection comes back.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sqlx::{
    Connection as _, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

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
            Self::Append | Self::App | Self::Vault | Self::Webhooks => "SET jit = off",
        }
    }
}

/// For the life of a connection. BEGIN in a transaction that was left open draws a warning: it is not
/// sent. A leaked transaction that every other guard missed ends by itself.
///
/// Read models are named without their schema: what a session folds aside into tables of its own stands
/// before those that are live.
const SESSION: &str = "SET client_min_messages = error; SET search_path = read; \
     SET idle_in_transaction_session_timeout = '15s'";

/// A connection that was idle for longer is tested before it serves.
const UNTESTED: Duration = Duration::from_millis(100);

/// What is done with a connection before it serves, besides what every pool does.
pub type OnConnect = Arc<
    dyn for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<(), sqlx::Error>> + Send + Sync,
>;

/// The options of a pool with all guards; for callers that want another size or lifetime.
pub fn pool_options(role: PoolRole, size: u32) -> PgPoolOptions {
    pool_options_with(role, size, Arc::new(|_| Box::pin(async { Ok(()) })))
}

fn pool_options_with(role: PoolRole, size: u32, on_connect: OnConnect) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(10))
        // A ping before each use is a round trip. Whoever was idle for no longer than no server takes
        // to start again after a crash is used as it is.
        .test_before_acquire(false)
        .before_acquire(|connection, held| {
            Box::pin(async move {
                if UNTESTED < held.idle_for {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let on_connect = Arc::clone(&on_connect);
            Box::pin(async move {
                connection.execute(SESSION).await?;
                connection.execute(role.session()).await?;
                connection.execute(role.clean_state()).await?;
                on_connect(connection).await?;
                Ok(())
            })
        })
        .after_release(move |connection, _| {
            Box::pin(async move {
                // In a transaction that has failed BEGIN fails too, and there is something to end.
                if connection.execute(role.clean_state()).await.is_err() {
                    connection.execute("ROLLBACK").await?;
                    connection.execute(role.clean_state()).await?;
                }
                Ok(true)
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

/// As [`connect_pool`], with something more to do with each new connection.
pub async fn connect_pool_with(
    options: PgConnectOptions,
    role: PoolRole,
    size: u32,
    on_connect: OnConnect,
) -> Result<PgPool, sqlx::Error> {
    let options = options.application_name(role.application_name());
    pool_options_with(role, size, on_connect).connect_with(options).await
}
