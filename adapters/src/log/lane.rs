//! A lane: one task that appends what waits, as many at once as can go together.
//!
//! A tenant has its lane, so its appends never compete for the head row within a process, and a hot
//! tenant shares one commit among many callers. A lone append goes at once: a batch is whatever came
//! while the one before was under way. Callers may be dropped; the lane is not.
//!
//! A call that the database does not answer in time leaves the outcome unknown. Its connection is given
//! up, the lane goes on over another one, and beside it the log is asked for the events of the call.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use daybook_domain::{
    event_log::{Append, Appended, Position, StreamTail},
    ids::TenantId,
    ports::{AppendError, LogError},
};
use sqlx::{PgPool, Row as _, postgres::PgRow};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    batch::{BatchArrays, stream_of, take_batch},
    known_heads::KnownHeads,
    notifier::Hints,
    outcome::ask_for_outcomes,
    rows,
    writes::{LastFailure, reason},
};
use crate::postgres::{Held, STATEMENT, silent};

/// What became of one append.
pub(crate) type Outcome = Result<Appended, AppendError>;

/// An append that waits for its lane.
pub(crate) struct Pending {
    pub(crate) append: Append,
    /// The generation of the history that it was decided in, if it rests on what was read.
    pub(crate) generation: Option<u64>,
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// How often one append is tried again after a deadlock or a serialization failure.
const MAX_ATTEMPTS: usize = 4;
/// The server, or the transaction, is read-only.
const READ_ONLY: &str = "25006";
/// How many appends a lane takes out of its channel while it forms a batch.
const MAX_WAITING: usize = 1024;

/// Why a call of `log.append_batch` brought nothing.
enum CallError {
    /// The database refused and rolled back: it is certain that nothing was written.
    RolledBack { sqlstate: String, constraint: Option<String> },
    /// It was not sent: it is certain that nothing was written.
    NotSent(Arc<sqlx::Error>),
    /// The answer was lost: it may have been written.
    Unknown(Arc<sqlx::Error>),
    /// The answer makes no sense.
    Damaged(String),
}

/// A lane, with what it works over.
pub(crate) struct Lane {
    pool: PgPool,
    connection: Option<Held>,
    hints: Hints,
    last_failure: LastFailure,
    known: KnownHeads,
}

impl Pending {
    fn answer(self, outcome: Outcome, hints: &Hints) {
        if let Ok(Appended::New { position }) = &outcome
            && !self.append.writes.is_empty()
        {
            hints.committed(self.append.tenant, *position);
        }
        // The caller may be gone; the append stands all the same.
        drop(self.reply.send(outcome));
    }
}

impl Lane {
    pub(crate) const fn new(
        pool: PgPool,
        hints: Hints,
        last_failure: LastFailure,
        known: KnownHeads,
    ) -> Self {
        Self { pool, connection: None, hints, last_failure, known }
    }

    /// Appends what comes through `queue` until all senders are gone.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut waiting = VecDeque::new();
        loop {
            while waiting.len() < MAX_WAITING
                && let Ok(pending) = queue.try_recv()
            {
                waiting.push_back(pending);
            }
            if waiting.is_empty() {
                // Nothing to do: the connection is of more use to others.
                self.connection = None;
                match queue.recv().await {
                    Some(pending) => waiting.push_back(pending),
                    None => return,
                }
                continue;
            }
            let batch = take_batch(&mut waiting, |pending: &Pending| &pending.append);
            self.append_all(batch).await;
        }
    }

    /// A connection first: should its server hold another history than is known, that is found by now,
    /// and what was decided on the other one goes no further. Nothing is left where none can be had.
    async fn of_this_history(&mut self, mut batch: Vec<Pending>) -> Vec<Pending> {
        if let Err(error) = self.open().await {
            if let CallError::NotSent(error) = &error {
                self.last_failure.failed(reason(error));
            }
            for pending in batch {
                pending.answer(Err(log_error(&error).into()), &self.hints);
            }
            return Vec::new();
        }
        let generation = self.known.generation();
        let is_outdated = |it: &mut Pending| it.generation.is_some_and(|of| of != generation);
        for outdated in batch.extract_if(.., is_outdated) {
            let moved = LogError::MovedBack(outdated.append.tenant);
            outdated.answer(Err(moved.into()), &self.hints);
        }
        batch
    }

    async fn append_all(&mut self, batch: Vec<Pending>) {
        let batch = self.of_this_history(batch).await;
        if batch.is_empty() {
            return;
        }
        let appends: Vec<&Append> = batch.iter().map(|pending| &pending.append).collect();
        let outcomes = match self.call(&appends).await {
            Ok(outcomes) => outcomes,
            // One of them is at fault, or the failure was transient. Nothing was written, so each is tried alone.
            Err(error @ CallError::RolledBack { .. })
                if 1 < appends.len() || is_transient(&error) =>
            {
                tracing::debug!(appends = appends.len(), "a batch was rolled back");
                for pending in batch {
                    self.append_alone(pending).await;
                }
                return;
            }
            Err(CallError::Unknown(error)) => return self.resolve(batch, &error),
            Err(error) => appends.iter().map(|_| Err(log_error(&error).into())).collect(),
        };
        for (pending, outcome) in batch.into_iter().zip(outcomes) {
            pending.answer(outcome, &self.hints);
        }
    }

    async fn append_alone(&mut self, pending: Pending) {
        let mut attempt = 1;
        let outcome = loop {
            match self.call(&[&pending.append]).await {
                Ok(outcomes) => {
                    break outcomes.into_iter().next().unwrap_or_else(|| {
                        Err(LogError::Damaged("an append got no answer".to_owned()).into())
                    });
                }
                Err(error) if is_transient(&error) && attempt < MAX_ATTEMPTS => attempt += 1,
                Err(CallError::Unknown(error)) => return self.resolve(vec![pending], &error),
                Err(error) => break Err(log_error(&error).into()),
            }
        };
        pending.answer(outcome, &self.hints);
    }

    /// Finds out beside the lane what became of appends whose answer was lost.
    fn resolve(&self, batch: Vec<Pending>, error: &Arc<sqlx::Error>) {
        let (pool, hints, error) = (self.pool.clone(), self.hints.clone(), Arc::clone(error));
        let known = self.known.clone();
        tracing::warn!(%error, appends = batch.len(), "the outcome of appends is unknown");
        tokio::spawn(async move {
            let appends: Vec<&Append> = batch.iter().map(|pending| &pending.append).collect();
            let found = ask_for_outcomes(&pool, &known, &appends).await;
            for (number, pending) in batch.into_iter().enumerate() {
                let outcome = match found.get(&number) {
                    Some(position) => Ok(Appended::New { position: *position }),
                    // It may be on its way still: only the command key tells, later.
                    None => Err(log_error(&CallError::Unknown(Arc::clone(&error))).into()),
                };
                pending.answer(outcome, &hints);
            }
        });
    }

    /// One round trip, one transaction.
    async fn call(&mut self, appends: &[&Append]) -> Result<Vec<Outcome>, CallError> {
        let called = self.send(appends).await;
        match &called {
            Ok(_) => self.last_failure.succeeded(),
            Err(CallError::NotSent(error) | CallError::Unknown(error)) => {
                self.last_failure.failed(reason(error));
            }
            Err(CallError::RolledBack { sqlstate, .. }) if is_of_the_server(sqlstate) => {
                self.last_failure.failed(sqlstate.clone());
            }
            Err(CallError::RolledBack { .. } | CallError::Damaged(_)) => {}
        }
        called
    }

    async fn open(&mut self) -> Result<&mut Held, CallError> {
        let open = if let Some(open) = self.connection.take() {
            open
        } else {
            let fresh = Held::acquire(&self.pool).await;
            fresh.map_err(|error| CallError::NotSent(error.into()))?
        };
        Ok(self.connection.insert(open))
    }

    async fn send(&mut self, appends: &[&Append]) -> Result<Vec<Outcome>, CallError> {
        let arrays = BatchArrays::new(appends.iter().copied(), &self.known);
        let query = sqlx::query(include_str!("append.sql"))
            .bind(&arrays.tenants)
            .bind(&arrays.known_tenants)
            .bind(&arrays.known_positions)
            .bind(&arrays.known_hashes)
            .bind(&arrays.append_tenants)
            .bind(&arrays.keys)
            .bind(&arrays.request_hashes)
            .bind(&arrays.results)
            .bind(&arrays.stream_appends)
            .bind(&arrays.stream_types)
            .bind(&arrays.stream_ids)
            .bind(&arrays.stream_expected)
            .bind(&arrays.stream_last_events)
            .bind(&arrays.stream_first)
            .bind(&arrays.event_streams)
            .bind(&arrays.event_ids)
            .bind(&arrays.event_types)
            .bind(&arrays.event_versions)
            .bind(&arrays.payloads)
            .bind(&arrays.metadata);
        let open = self.open().await?;
        // `fetch_all` waits for the commit: the rows alone come before it.
        let answered = timeout(STATEMENT, query.fetch_all(&mut **open)).await;
        match answered.unwrap_or_else(|_elapsed| Err(silent())) {
            Ok(rows) => {
                let outcomes = outcomes(&self.known, appends, &rows);
                outcomes.map_err(|error| CallError::Damaged(error.to_string()))
            }
            Err(error) => {
                let error = call_error(error);
                if !is_usable_after(&error)
                    && let Some(broken) = self.connection.take()
                {
                    broken.discard();
                }
                Err(error)
            }
        }
    }
}

/// Whether a connection serves on after a call that failed: not one in a state that nobody knows, and
/// not one to a server that takes no writes, which another one may do by now.
fn is_usable_after(error: &CallError) -> bool {
    matches!(error, CallError::RolledBack { sqlstate, .. } if sqlstate != READ_ONLY)
}

/// Whether the server, and not what was sent, is at fault: it is read-only, or its disk is full.
fn is_of_the_server(sqlstate: &str) -> bool {
    sqlstate == READ_ONLY || sqlstate.starts_with("53") || sqlstate.starts_with("57")
}

fn call_error(error: sqlx::Error) -> CallError {
    if let Some(database) = error.as_database_error()
        && let Some(sqlstate) = database.code()
        // A terminated backend (57…) may have committed before it said so.
        && matches!(sqlstate.get(..2), Some("22" | "23" | "25" | "40" | "42" | "53" | "54" | "P0"))
    {
        let constraint = database.constraint().map(ToOwned::to_owned);
        return CallError::RolledBack { sqlstate: sqlstate.into_owned(), constraint };
    }
    CallError::Unknown(Arc::new(error))
}

fn is_transient(error: &CallError) -> bool {
    matches!(error, CallError::RolledBack { sqlstate, .. } if sqlstate.starts_with("40"))
}

fn log_error(error: &CallError) -> LogError {
    match error {
        // The texts of the database may quote what they complain of: only codes leave this place.
        CallError::RolledBack { sqlstate, .. } if sqlstate.starts_with("22") => {
            LogError::Malformed(format!("the database cannot keep its data ({sqlstate})"))
        }
        CallError::RolledBack { sqlstate, constraint: Some(constraint) } => {
            LogError::Damaged(format!("{constraint} was violated ({sqlstate})"))
        }
        CallError::RolledBack { sqlstate, constraint: None } => {
            LogError::Unavailable(format!("the database refused ({sqlstate})").into())
        }
        CallError::NotSent(error) | CallError::Unknown(error) => {
            LogError::Unavailable(Box::new(Arc::clone(error)))
        }
        CallError::Damaged(what) => LogError::Damaged(what.clone()),
    }
}

/// Reads the answer of `log.append_batch`: a verdict per append, then the newer events of the
/// streams that moved on.
fn outcomes(
    known: &KnownHeads,
    appends: &[&Append],
    rows: &[PgRow],
) -> Result<Vec<Outcome>, LogError> {
    let (verdicts, news) = rows.split_at_checked(appends.len()).ok_or_else(|| {
        LogError::Damaged(format!("{} appends got {} answers", appends.len(), rows.len()))
    })?;
    let mut tails = conflict_tails(appends, news)?;
    for tail in tails.values().flatten() {
        known.saw(tail.events.last());
    }
    verdicts
        .iter()
        .enumerate()
        .map(|(no, row)| {
            let outcome: &str = row.try_get("outcome").map_err(rows::unreadable)?;
            Ok(match outcome {
                "appended" => {
                    let position = last_position(row)?;
                    let hash =
                        row.try_get("hash").and_then(rows::hash).map_err(rows::unreadable)?;
                    if position != Position(0) {
                        known.proved(appends[no].tenant, (position, hash));
                    }
                    Ok(Appended::New { position })
                }
                "repeated" => Ok(Appended::Repeated {
                    position: last_position(row)?,
                    result: row.try_get("stored_result").map_err(rows::unreadable)?,
                }),
                "key_reused" => Err(AppendError::KeyReused),
                "unknown_tenant" => Err(LogError::UnknownTenant(appends[no].tenant).into()),
                "moved_back" => {
                    let tenant = appends[no].tenant;
                    // Found once for all the appends of the batch that rest on it.
                    if let Some(last) = known.of(tenant).last() {
                        known.moved_back(&[(tenant, *last)]);
                    }
                    Err(LogError::MovedBack(tenant).into())
                }
                "frozen" => Err(frozen(appends[no].tenant, row)?.into()),
                "conflict" => Err(AppendError::Conflict(tails.remove(&no).unwrap_or_default())),
                other => return Err(LogError::Damaged(format!("outcome {other}"))),
            })
        })
        .collect()
}

fn frozen(tenant: TenantId, row: &PgRow) -> Result<LogError, LogError> {
    let moved_to: Option<String> = row.try_get("stored_result").map_err(rows::unreadable)?;
    Ok(match moved_to {
        Some(address) => LogError::Moved { tenant, address },
        None => LogError::Frozen(tenant),
    })
}

fn last_position(row: &PgRow) -> Result<Position, LogError> {
    let position: i64 = row.try_get("last_position").map_err(rows::unreadable)?;
    Ok(Position(rows::count(position)?))
}

/// The tails of the conflicting streams, by the index of their append.
fn conflict_tails(
    appends: &[&Append],
    news: &[PgRow],
) -> Result<BTreeMap<usize, Vec<StreamTail>>, LogError> {
    let mut tails: BTreeMap<usize, Vec<StreamTail>> = BTreeMap::new();
    let mut last_number = None;
    for row in news {
        let number: i32 = row.try_get("stream_no").map_err(rows::unreadable)?;
        let (no, stream) = usize::try_from(number)
            .ok()
            .and_then(|number| stream_of(appends, number))
            .ok_or_else(|| LogError::Damaged(format!("stream number {number}")))?;
        let of_append = tails.entry(no).or_default();
        if last_number != Some(number) {
            let head: i64 = row.try_get("stream_sequence").map_err(rows::unreadable)?;
            of_append.push(StreamTail {
                stream: stream.clone(),
                revision: daybook_domain::event_log::Revision(rows::count(head)?),
                events: Vec::new(),
            });
            last_number = Some(number);
        }
        let is_event =
            row.try_get::<Option<i64>, _>("event_position").map_err(rows::unreadable)?.is_some();
        if is_event && let Some(tail) = of_append.last_mut() {
            let tenant = appends[no].tenant;
            tail.events.push(rows::event(row, &rows::PREFIXED, tenant, stream.clone())?);
        }
    }
    Ok(tails)
}
