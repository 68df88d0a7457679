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

use super::{AsideError, Skips};

/// Events per page.
pub(super) const PAGE: usize = 4000;
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
    /// Events that were read.
    pub events: u64,
}

/// The pages of a history after a position, read ahead and decoded in tasks of their own.
pub(super) fn pages<L: EventLog>(
    log: &Arc<L>,
    tenant: TenantId,
    from: Position,
    until: Until,
) -> impl Stream<Item = Result<Vec<Event>, LogError>> + Send + use<L> {
    let log = Arc::clone(log);
    // Positions have no gaps, so every page is known before the one in front of it was read.
    let starts = (from.0..).step_by(PAGE).map(Position);
    let pages = stream::iter(starts).map(move |after| {
        let log = Arc::clone(&log);
        let page = tokio::spawn(async move {
            let page = log.read_tenant(tenant, after, PAGE).await?;
            Ok(page.into_iter().take_while(|event| until.includes(event)).map(Event::new).collect())
        });
        async move { page.await.unwrap_or_else(|gone| Err(LogError::Unavailable(Box::new(gone)))) }
    });
    let mut is_over = false;
    pages.buffered(AHEAD).take_while(move |page: &Result<Vec<Event>, LogError>| {
        let was_over = is_over;
        // A page that is not full is the last one.
        is_over |= page.as_ref().map_or(true, |page| page.len() < PAGE);
        let has_some = page.as_ref().map_or(true, |page| !page.is_empty());
        std::future::ready(!was_over && has_some)
    })
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
        let name = bare(table);
        let drawn =
            format!("CREATE TEMPORARY TABLE {name} (LIKE {table} INCLUDING ALL) ON COMMIT DROP");
        tx.execute(drawn.as_str()).await?;
    }
    // Said aloud: a statement that was prepared for the live tables is read anew.
    tx.execute("SET LOCAL search_path = pg_temp, read").await?;
    // Rows are looked up by key in tables that nobody has counted yet: by index.
    tx.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
        .await?;
    let folded = fold_on(tx, log, tenant, projectors, (Position(0), until)).await?;
    tx.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on")
        .await?;
    Ok(folded)
}

/// Folds what follows a position into the tables that stand first.
pub(super) async fn fold_on<L: EventLog>(
    tx: &mut PgConnection,
    log: &Arc<L>,
    tenant: TenantId,
    projectors: &[Arc<dyn Projector>],
    (from, until): (Position, Until),
) -> Result<Folded, AsideError> {
    let skips = Skips::load(log.as_ref(), tenant).await?;
    let mut folded = Folded { position: from, events: 0 };
    let mut pages = std::pin::pin!(pages(log, tenant, from, until));
    while let Some(page) = pages.next().await {
        let page = page?;
        fold(tx, tenant, projectors, &skips, &page).await?;
        folded.events += page.len() as u64;
        folded.position = page.last().map_or(folded.position, |last| last.recorded.position);
    }
    Ok(folded)
}

/// The name of a table without its schema.
pub(super) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}
