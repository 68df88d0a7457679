//! Whether the log takes appends.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{PgPool, Row as _};
use tokio::time::{Instant, timeout};

use crate::postgres::{Held, silent};

/// How long the database may take to take a write that nobody waits for.
const PROBE: Duration = Duration::from_secs(2);

/// How long a failure of an append counts, unless one succeeds.
const FAILURE_COUNTS: Duration = Duration::from_secs(10);

/// Whether the log takes appends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteState {
    /// It does.
    Writable,
    /// The server takes no writes, such as one whose disk is full; reads go on.
    ReadOnly,
    /// The server is a standby.
    InRecovery,
    /// Writes fail: an SQLSTATE, or what is wrong with the connection.
    Failing(String),
}

impl fmt::Display for WriteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writable => f.write_str("ok"),
            Self::ReadOnly => f.write_str("read_only"),
            Self::InRecovery => f.write_str("in_recovery"),
            Self::Failing(why) => write!(f, "failing ({why})"),
        }
    }
}

/// How the last appends went, as the lanes saw it.
#[derive(Clone, Debug, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<(Instant, String)>>>);

impl LastFailure {
    pub(super) fn failed(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why));
    }

    pub(super) fn succeeded(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn recent(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = last.as_ref().filter(|(at, _)| at.elapsed() < FAILURE_COUNTS);
        recent.map(|(_, why)| why.clone())
    }
}

/// Asks the server, lets it write something that nobody reads, and looks at the last appends.
pub(super) async fn write_state(pool: &PgPool, last: &LastFailure) -> WriteState {
    let asked = timeout(PROBE, async {
        let mut held = Held::acquire(pool).await?;
        let server =
            sqlx::query(include_str!("../postgres/is_writable.sql")).fetch_one(&mut *held).await?;
        if server.try_get("is_in_recovery")? {
            return Ok(WriteState::InRecovery);
        }
        if server.try_get("is_read_only")? {
            return Ok(WriteState::ReadOnly);
        }
        // It is in the write-ahead log, and with a synchronous standby there too, before this ends.
        sqlx::query("SELECT pg_catalog.pg_logical_emit_message(true, 'daybook', '')")
            .execute(&mut *held)
            .await?;
        Ok(WriteState::Writable)
    });
    match asked.await.unwrap_or_else(|_elapsed| Err(silent())) {
        Ok(WriteState::Writable) => last.recent().map_or(WriteState::Writable, WriteState::Failing),
        Ok(state) => state,
        Err(error) => WriteState::Failing(reason(&error)),
    }
}

/// Why a statement failed, without the texts of the database: they may quote what they complain of.
pub(super) fn reason(error: &sqlx::Error) -> String {
    match error.as_database_error().and_then(sqlx::error::DatabaseError::code) {
        Some(code) => code.into_owned(),
        None if matches!(error, sqlx::Error::PoolTimedOut) => "no connection".to_owned(),
        None => "no answer".to_owned(),
    }
}
