//! The history of a system that runs on stock postgres-es, read through its own
//! `PostgresEventRepository`. It has streams with sequences, no tenant and no order across streams.
//!
//! Whole replays of that repository (`stream_all_events`) end in silence when the database fails
//! half way, so every stream is read by itself, and counted.

mod aggregates;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use cqrs_es::persist::{PersistenceError, SerializedEvent};
use postgres_es::PostgresEventRepository;
use sqlx::{
    PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use self::table::{TableName, TableNameError};

/// Why the history of a stock system could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// It is not the table of postgres-es.
    #[error("{table} is no event table of postgres-es: {what}")]
    NoEventTable {
        /// The table.
        table: TableName,
        /// What is wrong with it.
        what: String,
    },
    /// Daybook has no aggregate of this type.
    #[error("Daybook knows no aggregate of type {0}")]
    UnknownAggregate(String),
    /// The stock repository could not read a stream. Without its text, which may quote a row.
    #[error("the stream {stream} cannot be read")]
    Unreadable {
        /// Its type and id.
        stream: String,
        /// What the repository says.
        #[source]
        source: PersistenceError,
    },
    /// The database cannot answer.
    #[error("the database of the stock system cannot answer")]
    Unavailable(#[from] sqlx::Error),
}

/// How many events there are of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KindCount {
    /// The type of the streams.
    pub aggregate_type: String,
    /// The type of the events.
    pub event_type: String,
    /// Their version.
    pub event_version: String,
    /// How many.
    pub events: u64,
}

/// A stream, and how many events it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockStream {
    /// Its type.
    pub aggregate_type: String,
    /// Its id.
    pub aggregate_id: String,
    /// How many events.
    pub events: u64,
}

/// The event table of a stock system, open for reading.
pub struct StockHistory {
    pool: PgPool,
    table: TableName,
    repository: PostgresEventRepository,
}

impl fmt::Debug for StockHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StockHistory").field("table", &self.table).finish_non_exhaustive()
    }
}

impl StockHistory {
    /// Opens the table in sessions that cannot write. A table that the stock repository would stumble
    /// over is refused.
    pub async fn open(options: PgConnectOptions, table: TableName) -> Result<Self, StockError> {
        let options = options.options([("default_transaction_read_only", "on")]);
        let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await?;
        table.check(&pool).await?;
        let repository =
            PostgresEventRepository::new(pool.clone()).with_tables(&table.quoted(), "none");
        Ok(Self { pool, table, repository })
    }

    /// What kinds of events there are, ordered by their names.
    pub async fn census(&self) -> Result<Vec<KindCount>, StockError> {
        let statement = format!(
            "SELECT aggregate_type, event_type, event_version, count(*) AS events FROM {} \
             GROUP BY 1, 2, 3",
            self.table.quoted()
        );
        let rows = sqlx::query(&statement).fetch_all(&self.pool).await?;
        let kind = |row: &sqlx::postgres::PgRow| {
            Ok(KindCount {
                aggregate_type: row.try_get("aggregate_type")?,
                event_type: row.try_get("event_type")?,
                event_version: row.try_get("event_version")?,
                events: row.try_get::<i64, _>("events")?.cast_unsigned(),
            })
        };
        let mut kinds = rows.iter().map(kind).collect::<Result<Vec<_>, StockError>>()?;
        // By their bytes, whatever the database sorts by.
        kinds.sort();
        Ok(kinds)
    }

    /// The streams of a type, ordered by id.
    pub async fn streams(&self, aggregate_type: &str) -> Result<Vec<StockStream>, StockError> {
        let statement = format!(
            "SELECT aggregate_id, count(*) AS events FROM {} WHERE aggregate_type = $1 \
             GROUP BY aggregate_id ORDER BY aggregate_id COLLATE \"C\"",
            self.table.quoted()
        );
        let rows = sqlx::query(&statement).bind(aggregate_type).fetch_all(&self.pool).await?;
        let stream = |row: &sqlx::postgres::PgRow| {
            Ok(StockStream {
                aggregate_type: aggregate_type.to_owned(),
                aggregate_id: row.try_get("aggregate_id")?,
                events: row.try_get::<i64, _>("events")?.cast_unsigned(),
            })
        };
        rows.iter().map(stream).collect()
    }

    /// The events of a stream in the order of their sequences: all of them, or those after one.
    pub async fn read(
        &self,
        stream: &StockStream,
        after: Option<usize>,
    ) -> Result<Vec<SerializedEvent>, StockError> {
        let (kind, id) = (stream.aggregate_type.as_str(), stream.aggregate_id.as_str());
        let read = aggregates::read(&self.repository, kind, id, after).await;
        let read = read.ok_or_else(|| StockError::UnknownAggregate(kind.to_owned()))?;
        read.map_err(|source| StockError::Unreadable { stream: format!("{kind}/{id}"), source })
    }

    /// Closes the connections.
    pub async fn close(self) {
        self.pool.close().await;
    }
}
