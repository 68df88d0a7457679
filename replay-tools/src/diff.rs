//! Read models against the log: what is live against a fresh fold, or one position against another.

use std::sync::Arc;

use daybook_adapters::vault::SealedLog;
use daybook_domain::{event_log::Position, ports::EventLog};
use daybook_projections::{
    aside::{Compared, ComparedWithLive, Digest, compare_between, compare_with_live},
    projector::Projector,
};
use serde_json::json;

use crate::{models::Keys, say, source::History};

/// What was compared.
#[derive(Clone, Debug)]
pub struct ProjectorDiff {
    /// The projector.
    pub projector: &'static str,
    /// Where its read model stands.
    pub position: Position,
    /// What was found.
    pub compared: Compared,
    /// What the live rows come to, and what was kept of them; absent between two positions.
    pub digests: Option<(Digest, Digest)>,
}

impl ProjectorDiff {
    /// Whether rows were written in a way that left their digest as it was.
    fn is_unseen(&self) -> bool {
        self.digests.is_some_and(|(read, kept)| read != kept)
    }
}

/// Compares a live read model with a fold of the log up to where it stands, in one snapshot.
pub(crate) async fn with_live<L: EventLog>(
    history: &History,
    log: &Arc<SealedLog<L>>,
    keys: &Keys,
    projector: Arc<dyn Projector>,
    limit: usize,
) -> anyhow::Result<ProjectorDiff> {
    let (tenant, log) = (history.tenant, Arc::clone(log));
    let (name, ignoring) = (projector.name(), ignored(keys, projector.as_ref()));
    let ComparedWithLive { position, compared, digest, kept } =
        compare_with_live(history.pool(), log, tenant, projector, ignoring, limit).await?;
    Ok(ProjectorDiff { projector: name, position, compared, digests: Some((digest, kept)) })
}

/// Compares a read model as of two positions.
async fn between<L: EventLog>(
    history: &History,
    log: &Arc<SealedLog<L>>,
    keys: &Keys,
    projector: Arc<dyn Projector>,
    (from, to): (Position, Position),
    limit: usize,
) -> anyhow::Result<ProjectorDiff> {
    let (tenant, log) = (history.tenant, Arc::clone(log));
    let (name, ignoring) = (projector.name(), ignored(keys, projector.as_ref()));
    let compared =
        compare_between(history.pool(), log, tenant, projector, (from, to), ignoring, limit);
    let compared = compared.await?;
    Ok(ProjectorDiff { projector: name, position: to, compared, digests: None })
}

/// Columns that cannot be told without the keys.
fn ignored(keys: &Keys, projector: &dyn Projector) -> &'static [&'static str] {
    if keys.are_there { &[] } else { projector.personal() }
}

/// Holds read models of a database against a log, which may reach further back than what is there.
pub(crate) async fn run<L: EventLog>(
    history: &History,
    log: L,
    keys: &Keys,
    projectors: Vec<Arc<dyn Projector>>,
    positions: Option<(u64, u64)>,
    (limit, as_json): (usize, bool),
) -> anyhow::Result<()> {
    let log = Arc::new(SealedLog::new(log, keys.vault.clone()));
    let (mut differ, mut unseen) = (0, Vec::new());
    for projector in projectors {
        let is_blind = !ignored(keys, projector.as_ref()).is_empty();
        let diff = match positions {
            None => with_live(history, &log, keys, projector, limit).await?,
            Some((from, to)) => {
                let range = (Position(from), Position(to));
                between(history, &log, keys, projector, range, limit).await?
            }
        };
        differ += diff.compared.differ;
        unseen.extend(diff.is_unseen().then_some(diff.projector));
        tell(&diff, positions.is_some(), is_blind, as_json)?;
    }
    anyhow::ensure!(
        positions.is_some() || differ == 0,
        "{differ} rows are not what the log says: `daybook-replay rebuild` mends them"
    );
    anyhow::ensure!(
        unseen.is_empty(),
        "rows of {} were written where no trigger saw it: `daybook-replay rebuild` counts their digests anew",
        unseen.join(", ")
    );
    Ok(())
}

fn tell(diff: &ProjectorDiff, is_history: bool, is_blind: bool, json: bool) -> anyhow::Result<()> {
    let ProjectorDiff { projector, position, compared, digests } = diff;
    if json {
        return say(&json!({
            "projector": projector, "position": position, "rows": compared.rows,
            "differ": compared.differ, "differences": compared.first,
            "personal_compared": !is_blind, "digest": digests.map(|(read, _)| read),
            "digest_kept": digests.map(|(_, kept)| kept),
        })
        .to_string());
    }
    let blind = if is_blind { "; personal columns were left out: no master key" } else { "" };
    let (rows, differ) = (compared.rows, compared.differ);
    let digest = digests.map(|(read, _)| format!(" (digest {read})")).unwrap_or_default();
    say(&format!(
        "{projector} at position {position}: {differ} of {rows} rows differ{digest}{blind}"
    ))?;
    let (left, right) = if is_history { ("before", "after") } else { ("live", "log") };
    for it in &compared.first {
        say(&format!(
            "  {} {}\n    {left}: {}\n    {right}: {}",
            it.table, it.key, it.live, it.log
        ))?;
    }
    let told = compared.first.len() as u64;
    if told < differ {
        say(&format!("  and {} more: --limit tells more of them", differ - told))?;
    }
    Ok(())
}
