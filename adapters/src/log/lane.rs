//! A lane: one task that appends what waits, as many at once as can go together.
//!
//! A tenant has its lane, so its appends never compete for the head row within a process, and a hot
//! tenant shares one commit among many callers. A lone append goes at once: a batch is whatever came
//! while the one before was under way. Callers may be dropped; the lane is not.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use daybook_domain::{
    event_log::{Append, Appended, Position, StreamTail},
    ports::{AppendError, LogError},
};
use sqlx::{PgPool, Postgres, Row as _, pool::PoolConnection, postgres::PgRow};
use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{BatchArrays, stream_of, take_batch},
    known_heads::KnownHeads,
    notifier::Hints,
    rows,
};

/// What became of one append.
type Outcome = Result<Appended, AppendError>;

/// An append that waits for its lane.
pub(crate) struct Pending {
    pub(crate) append: Append,
    /// The generation of the history that it was decided in, if it rests on what was read.
    pub(crate) generation: Option<u64>,
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// How often one append is tried again after a deadlock or a serialization failure.
const MAX_ATTEMPTS: usize = 4;
/// How many appends a lane takes out of its channel while it forms a batch.
const MAX_WAITING: usize = 1024;

/// Why a call of `log.append_batch` brought nothing.
enum CallError {
    /// The database refused and rolled back: it is certain that nothing was written.
    RolledBack { sqlstate: String, constraint: Option<String> },
    /// The answer was lost: it may have been written.
    Unknown(Arc<sqlx::Error>),
    /// The answer makes no sense.
    Damaged(String),
}

/// What the lanes of a log share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) pool: PgPool,
    pub(crate) hints: Hints,
    pub(crate) known: KnownHeads,
}

/// Appends what comes through `queue` until all senders are gone.
pub(crate) async fn run(shared: Shared, mut queue: mpsc::Receiver<Pending>) {
    let mut waiting = VecDeque::new();
    let mut connection = None;
    loop {
        while waiting.len() < MAX_WAITING
            && let Ok(pending) = queue.try_recv()
        {
            waiting.push_back(pending);
        }
        if waiting.is_empty() {
            // Nothing to do: the connection is of more use to others.
            connection = None;
            match queue.recv().await {
                Some(pending) => waiting.push_back(pending),
                None => return,
            }
            continue;
        }
        let batch = take_batch(&mut waiting, |pending: &Pending| &pending.append);
        append_all(&shared, &mut connection, batch).await;
    }
}

async fn append_all(
    shared: &Shared,
    connection: &mut Option<PoolConnection<Postgres>>,
    mut batch: Vec<Pending>,
) {
    // The connection first: should its server hold another history than is known, that is found by now.
    if let Err(error) = open(shared, connection).await {
        for pending in batch {
            drop(pending.reply.send(Err(log_error(&error).into())));
        }
        return;
    }
    let generation = shared.known.generation();
    let is_outdated = |it: &mut Pending| it.generation.is_some_and(|of| of != generation);
    for outdated in batch.extract_if(.., is_outdated) {
        let moved = LogError::MovedBack(outdated.append.tenant);
        drop(outdated.reply.send(Err(moved.into())));
    }
    if batch.is_empty() {
        return;
    }
    let appends: Vec<&Append> = batch.iter().map(|pending| &pending.append).collect();
    let outcomes = match call(shared, connection, &appends).await {
        Ok(outcomes) => outcomes,
        // One of them is at fault. Nothing was written: find out which, one by one.
        Err(CallError::RolledBack { sqlstate, .. }) if appends.len() > 1 => {
            tracing::debug!(sqlstate, appends = appends.len(), "a batch was rolled back");
            let mut outcomes = Vec::with_capacity(appends.len());
            for append in &appends {
                outcomes.push(append_alone(shared, connection, append).await);
            }
            outcomes
        }
        Err(error) => match appends.as_slice() {
            [append] if is_transient(&error) => {
                vec![append_alone(shared, connection, append).await]
            }
            appends => appends.iter().map(|_| Err(log_error(&error).into())).collect(),
        },
    };
    for (pending, outcome) in batch.into_iter().zip(outcomes) {
        if let Ok(Appended::New { position }) = &outcome
            && !pending.append.writes.is_empty()
        {
            shared.hints.committed(pending.append.tenant, *position);
        }
        // The caller may be gone; the append stands all the same.
        drop(pending.reply.send(outcome));
    }
}

async fn append_alone(
    shared: &Shared,
    connection: &mut Option<PoolConnection<Postgres>>,
    append: &Append,
) -> Outcome {
    let mut attempt = 1;
    loop {
        match call(shared, connection, &[append]).await {
            Ok(outcomes) => {
                return outcomes.into_iter().next().unwrap_or_else(|| {
                    Err(LogError::Damaged("an append got no answer".to_owned()).into())
                });
            }
            Err(error) if is_transient(&error) && attempt < MAX_ATTEMPTS => attempt += 1,
            Err(error) => return Err(log_error(&error).into()),
        }
    }
}

/// A connection for the next call.
async fn open<'c>(
    shared: &Shared,
    connection: &'c mut Option<PoolConnection<Postgres>>,
) -> Result<&'c mut PoolConnection<Postgres>, CallError> {
    if connection.is_none() {
        let fresh =
            shared.pool.acquire().await.map_err(|error| CallError::Unknown(error.into()))?;
        return Ok(connection.insert(fresh));
    }
    connection.as_mut().ok_or_else(|| CallError::Damaged("a connection got lost".to_owned()))
}

/// One round trip, one transaction.
async fn call(
    shared: &Shared,
    connection: &mut Option<PoolConnection<Postgres>>,
    appends: &[&Append],
) -> Result<Vec<Outcome>, CallError> {
    let arrays = BatchArrays::new(appends.iter().copied(), &shared.known);
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
    let open = open(shared, connection).await?;
    // `fetch_all` waits for the commit: the rows alone come before it.
    match query.fetch_all(&mut **open).await {
        Ok(rows) => {
            outcomes(shared, appends, &rows).map_err(|error| CallError::Damaged(error.to_string()))
        }
        Err(error) => {
            let error = call_error(error);
            if !matches!(error, CallError::RolledBack { .. })
                && let Some(broken) = connection.take()
            {
                // Whatever state it is in, no one shall use it again.
                drop(broken.detach());
            }
            Err(error)
        }
    }
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
        CallError::Unknown(error) => LogError::Unavailable(Box::new(Arc::clone(error))),
        CallError::Damaged(what) => LogError::Damaged(what.clone()),
    }
}

/// Reads the answer of `log.append_batch`: a verdict per append, then the newer events of the
/// streams that moved on.
fn outcomes(
    shared: &Shared,
    appends: &[&Append],
    rows: &[PgRow],
) -> Result<Vec<Outcome>, LogError> {
    let (verdicts, news) = rows.split_at_checked(appends.len()).ok_or_else(|| {
        LogError::Damaged(format!("{} appends got {} answers", appends.len(), rows.len()))
    })?;
    let mut tails = conflict_tails(appends, news)?;
    for tail in tails.values().flatten() {
        shared.known.saw(tail.events.last());
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
                        shared.known.proved(appends[no].tenant, (position, hash));
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
                    if let Some(last) = shared.known.of(tenant).last() {
                        shared.known.moved_back(&[(tenant, *last)]);
                    }
                    Err(LogError::MovedBack(tenant).into())
                }
                "conflict" => Err(AppendError::Conflict(tails.remove(&no).unwrap_or_default())),
                other => return Err(LogError::Damaged(format!("outcome {other}"))),
            })
        })
        .collect()
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
