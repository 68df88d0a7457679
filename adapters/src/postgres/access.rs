//! How a process reaches its database: through a pooler or not, and over how many connections.

use std::time::Duration;

use futures::future::join_all;
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
use tokio::time::timeout;

/// How long a pooler may take to give a session its server.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that a process uses beside its pools: to tell others of commits, and to hear them.
const BESIDE_POOLS: u32 = 2;

/// How many connections each pool of a process has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSizes {
    /// Appends, and reads of the log.
    pub append: u32,
    /// Queries of the API.
    pub queries: u32,
    /// Read models.
    pub projections: u32,
    /// Shadow rebuilds of read models.
    pub rebuild: u32,
    /// Keys.
    pub vault: u32,
    /// Webhooks.
    pub webhooks: u32,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self { append: 16, queries: 12, projections: 6, rebuild: 2, vault: 4, webhooks: 4 }
    }
}

impl PoolSizes {
    /// With fewer, something may wait for itself.
    const LEAST: Self =
        Self { append: 4, queries: 3, projections: 2, rebuild: 1, vault: 1, webhooks: 1 };

    /// How many connections a process needs for them.
    pub const fn total(self) -> u32 {
        self.append
            + self.queries
            + self.projections
            + self.rebuild
            + self.vault
            + self.webhooks
            + BESIDE_POOLS
    }

    /// Sizes that fit into so many connections, as far as that is possible.
    pub fn within(connections: u32) -> Self {
        let (full, least) = (Self::default(), Self::LEAST);
        let spare = connections.saturating_sub(least.total()).min(full.total() - least.total());
        let size = |full: u32, least: u32| {
            least + (full - least) * spare / (Self::default().total() - Self::LEAST.total())
        };
        Self {
            append: size(full.append, least.append),
            queries: size(full.queries, least.queries),
            projections: size(full.projections, least.projections),
            rebuild: size(full.rebuild, least.rebuild),
            vault: size(full.vault, least.vault),
            webhooks: size(full.webhooks, least.webhooks),
        }
    }
}

/// Why a database cannot be used as it is reached.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A pooler gives a session another server for each transaction.
    #[error(
        "the database is behind a pooler in transaction mode, and Daybook needs sessions (SET ROLE, \
         LISTEN, prepared statements): set `pool_mode = session` for this database in pgbouncer.ini, \
         or let DATABASE_URL name PostgreSQL itself"
    )]
    TransactionPooling,
    /// It cannot be asked.
    #[error("the database cannot be asked how it is reached")]
    Unavailable(#[from] sqlx::Error),
}

/// What was found out about the way to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether something stands between: a pooler, or a proxy.
    pub is_indirect: bool,
    /// How many more connections there are, up to those that were asked for.
    pub connections: u32,
}

/// Finds out how a database is reached, and whether there are so many connections.
pub async fn access(database: &PgConnectOptions, wanted: u32) -> Result<Access, AccessError> {
    let mut connection = database.connect().await?;
    let found = connection.fetch_one(include_str!("access.sql")).await?;
    let (port, dialed): (i32, Option<i32>) = (found.try_get("port")?, found.try_get("dialed")?);
    let free: i64 = found.try_get("free")?;
    // The server knows under which port it was reached, and nothing of what stands before it.
    let is_tcp = database.get_socket().is_none();
    let is_indirect = port != i32::from(database.get_port()) || (is_tcp && dialed.is_none());
    let connections = if is_indirect {
        refuse_transaction_pooling(database, &mut connection).await?;
        connection.close().await?;
        opened(database, wanted).await
    } else {
        connection.close().await?;
        u32::try_from(free).unwrap_or(0).min(wanted)
    };
    Ok(Access { is_indirect, connections })
}

/// A session has one server for as long as it lasts. In transaction mode the server that a session used
/// last is free for the next transaction of anybody.
async fn refuse_transaction_pooling(
    database: &PgConnectOptions,
    one: &mut PgConnection,
) -> Result<(), AccessError> {
    let first = process(one).await?;
    let Ok(other) = timeout(PATIENCE, database.connect()).await else { return Ok(()) };
    let mut other = other?;
    let begun = timeout(PATIENCE, async {
        other.execute("BEGIN").await?;
        process(&mut other).await
    });
    // Whoever waits here waits for the end of the first session.
    let Ok(second) = begun.await else { return Ok(()) };
    let second = second?;
    let third = timeout(PATIENCE, process(one)).await;
    other.execute("ROLLBACK").await?;
    other.close().await?;
    let is_kept = matches!(third, Ok(Ok(third)) if first == third);
    if is_kept && first != second { Ok(()) } else { Err(AccessError::TransactionPooling) }
}

async fn process(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let process = connection.fetch_one("SELECT pg_catalog.pg_backend_pid()").await?;
    process.try_get(0)
}

/// How many of so many connections can be used at the same time. A pooler does not say it otherwise.
async fn opened(database: &PgConnectOptions, wanted: u32) -> u32 {
    let attempts = (0..wanted).map(async |_| {
        let opened = timeout(PATIENCE, async {
            let mut connection = database.connect().await?;
            process(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        });
        opened.await.ok()?.ok()
    });
    // All are held until the last has had its time.
    let opened: Vec<PgConnection> = join_all(attempts).await.into_iter().flatten().collect();
    let count = u32::try_from(opened.len()).unwrap_or(u32::MAX);
    join_all(opened.into_iter().map(PgConnection::close)).await;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_fit_into_the_connections_that_there_are() {
        let full = PoolSizes::default();
        assert_eq!(PoolSizes::within(full.total()), full);
        assert_eq!(PoolSizes::within(1000), full);
        for connections in PoolSizes::LEAST.total()..full.total() {
            let sizes = PoolSizes::within(connections);
            assert!(sizes.total() <= connections, "{connections}: {sizes:?}");
        }
        assert_eq!(PoolSizes::within(3), PoolSizes::LEAST);
    }
}
