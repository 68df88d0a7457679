//! The fold itself: pages of the log, read ahead, through projectors, into whatever tables the
//! session's search path names first.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
    ports::{EventLog, LogError},
};
use futures::{Stream, StreamExt as _, stream};
use sqlx::{Executor as _, PgConnection};

use crate::{
    event::Event,
    projector::{Projector, Reaction},
    runner::project_one,
};

use super::{AsideError, Pace, Skips};

/// Pages that are read while one is folded.
const AHEAD: usize = 2;

/// How far a fold goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the end of the history.
    Head,
    /// To a position, that event included.
    Position(Position),
    /// To an instant: the events that the log took by then.
    Instant(DateTime<Utc>),
}

impl Until {
    pub(crate) fn includes(self, event: &RecordedEvent) -> bool {
        match self {
            Self::Head => true,
            Self::Position(position) => event.position <= position,
            Self::Instant(instant) => event.recorded_at <= instant,
        }
    }
}

/// What was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Where the read models stand.
    pub position: Position,
    /// How long the history is that was folded.
    pub events: u64,
}

/// The last position that a fold comes to.
pub(super) async fn end_of<L: EventLog>(
    log: &L,
    tenant: TenantId,
    until: Until,
) -> Result<Position, LogError> {
    let head = log.head(tenant).await?.map_or(Position(0), |head| head.position);
    match until {
        Until::Head => Ok(head),
        Until::Position(position) => Ok(position.min(head)),
        Until::Instant(_) => {
            // The clock of the log never goes back.
            let (mut included, mut left_out) = (0, head.0 + 1);
            while included + 1 < left_out {
                let middle = included.midpoint(left_out);
                let range = (Position(middle - 1), Position(middle));
                let found = log.scan(tenant, range, &[]).await?;
                if found.first().is_some_and(|event| until.includes(event)) {
                    included = middle;
                } else {
                    left_out = middle;
                }
            }
            Ok(Position(included))
        }
    }
}

/// The aggregate types that some projectors read between them; none mean all.
pub(crate) fn types_of<'p>(
    projectors: impl IntoIterator<Item = &'p dyn Projector>,
) -> Vec<&'static str> {
    let mut types = BTreeSet::new();
    for projector in projectors {
        match projector.reads() {
            [] => return Vec::new(),
            reads => types.extend(reads),
        }
    }
    types.into_iter().collect()
}

/// A stretch of a history: how far it goes, and what some projectors read of it.
pub(super) struct Page {
    pub(super) to: Position,
    pub(super) events: Vec<Event>,
}

/// The pages of a history, of some size, read ahead in tasks of their own: of some aggregate types alone
/// if any are named.
pub(super) fn pages<L: EventLog>(
    log: &Arc<L>,
    tenant: TenantId,
    (from, end): (Position, Position),
    (size, types): (usize, Vec<&'static str>),
) -> impl Stream<Item = Result<Page, LogError>> + Send + use<L> {
    let (log, types) = (Arc::clone(log), Arc::<[_]>::from(types));
    let starts = (from.0..end.0).step_by(size).map(Position);
    let pages = stream::iter(starts).map(move |after| {
        let (log, types) = (Arc::clone(&log), Arc::clone(&types));
        let to = Position(after.0 + size as u64).min(end);
        let page = tokio::spawn(async move {
            let events = log.scan(tenant, (after, to), &types).await?;
            Ok(Page { to, events: events.into_iter().map(Event::new).collect() })
        });
        async move { page.await.unwrap_or_else(|gone| Err(LogError::Unavailable(Box::new(gone)))) }
    });
    pages.buffered(AHEAD)
}

/// Folds events in, in order. The error names the event that could not be followed.
pub(super) async fn fold(
    tx: &mut PgConnection,
    tenant: TenantId,
    projectors: &[Arc<dyn Projector>],
    skips: &Skips,
    events: &[Event],
) -> Result<(), AsideError> {
    for projector in projectors {
        let projector = projector.as_ref();
        let skipped = skips.of(projector);
        let is_due = |event: &&Event| {
            projector.wants(event) && !skipped.contains(&event.recorded.position.0)
        };
        let due: Vec<&Event> = events.iter().filter(is_due).collect();
        if due.is_empty() {
            continue;
        }
        tx.execute("SAVEPOINT page").await?;
        match projector.project(tx, tenant, &due).await {
            Ok(()) => tx.execute("RELEASE SAVEPOINT page").await?,
            Err(error) if error.reaction() == Reaction::Park => {
                tx.execute("ROLLBACK TO SAVEPOINT page").await?;
                return Err(culprit(tx, tenant, projector, &due).await?);
            }
            Err(error) => return Err(AsideError::Broken { projector: projector.name(), error }),
        };
    }
    Ok(())
}

/// Which of the events it was.
async fn culprit(
    tx: &mut PgConnection,
    tenant: TenantId,
    projector: &dyn Projector,
    events: &[&Event],
) -> Result<AsideError, sqlx::Error> {
    let name = projector.name();
    for event in events {
        if let Err(error) = project_one(tx, tenant, projector, event).await? {
            let position = event.recorded.position;
            return Ok(AsideError::NotFollowed { projector: name, position, error });
        }
    }
    // One by one they pass: what more events mean at once is the projector's own mistake.
    let error = crate::projector::ProjectionError::Contradiction("only all at once are refused");
    Ok(AsideError::Broken { projector: name, error })
}

/// Folds a history into temporary tables, which stand before the live ones for the rest of the
/// transaction: the same queries answer as of `until`. Nothing of it is left afterwards.
///
/// `tx` is a transaction that ends in any way; its role sees the tables of schema `read` and may
/// make temporary ones.
pub async fn fold_into_temporary<L: EventLog>(
    tx: &mut PgConnection,
    log: &Arc<L>,
    tenant: TenantId,
    projectors: &[Arc<dyn Projector>],
    until: Until,
) -> Result<Folded, AsideError> {
    let tables: BTreeSet<&str> = projectors.iter().flat_map(|it| it.tables()).copied().collect();
    for table in tables {
        make_temporary(tx, table).await?;
    }
    // Said aloud: a statement that was prepared for the live tables is read anew.
    tx.execute("SET LOCAL search_path = pg_temp, read").await?;
    by_key(tx, true).await?;
    let end = end_of(log.as_ref(), tenant, until).await?;
    let folded = fold_on(tx, log, tenant, projectors, (Position(0), end)).await?;
    by_key(tx, false).await?;
    Ok(folded)
}

/// Makes an empty temporary table like one of schema `read`, which is gone with the transaction.
pub(super) async fn make_temporary(tx: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let name = bare(table);
    // Nobody looks for anything but keys while it is filled: no other index has to be kept up.
    let constraints: Vec<String> =
        sqlx::query_scalar(include_str!("constraints.sql")).bind(table).fetch_all(&mut *tx).await?;
    let made = format!(
        "CREATE TEMPORARY TABLE {name} \
         (LIKE {table} INCLUDING ALL EXCLUDING INDEXES, {}) ON COMMIT DROP",
        constraints.join(", ")
    );
    tx.execute(made.as_str()).await?;
    Ok(())
}

/// Whether the rest of the transaction looks rows up by key, some at a time, in tables that grow and
/// that nobody has counted; or goes over whole tables.
pub(super) async fn by_key(tx: &mut PgConnection, is_so: bool) -> Result<(), sqlx::Error> {
    tx.execute(if is_so {
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
         SET LOCAL enable_mergejoin = off; SET LOCAL plan_cache_mode = force_custom_plan"
    } else {
        "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; \
         SET LOCAL enable_mergejoin = on; SET LOCAL plan_cache_mode = auto"
    })
    .await?;
    Ok(())
}

/// Folds what stands between two positions into the tables that stand first.
pub(super) async fn fold_on<L: EventLog>(
    tx: &mut PgConnection,
    log: &Arc<L>,
    tenant: TenantId,
    projectors: &[Arc<dyn Projector>],
    (from, end): (Position, Position),
) -> Result<Folded, AsideError> {
    let skips = Skips::load(log.as_ref(), tenant).await?;
    let types = types_of(projectors.iter().map(Arc::as_ref));
    let mut pages = std::pin::pin!(pages(log, tenant, (from, end), (Pace::FULL.page, types)));
    while let Some(page) = pages.next().await {
        fold(tx, tenant, projectors, &skips, &page?.events).await?;
    }
    let position = from.max(end);
    Ok(Folded { position, events: position.0 - from.0 })
}

/// The name of a table without its schema.
pub(super) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}
