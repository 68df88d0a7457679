//! One history out of archived months and a database, or out of either alone.

use std::path::Path;

use anyhow::Context as _;
use daybook_adapters::log::chain;
use daybook_domain::{
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
    ports::EventLog as _,
};
use daybook_projections::registry::projectors;
use serde_json::json;
use uuid::Uuid;

use super::{Archive, folder::Events, log::PastLog};
use crate::{
    diff,
    merkle::Hash,
    models::{Keys, SecretText},
    progress::Progress,
    say,
    source::{History, PAGE, Source},
    verify::{Verified, verify_from},
};

/// A history, open for reading: the archived months first, the database from there on.
#[derive(Debug)]
pub struct Past {
    archive: Option<Archive>,
    live: Option<History>,
}

impl Past {
    /// Opens both, or one of them; the database only if one is named. What follows the archive in the
    /// database must follow from it.
    pub async fn open(
        source: &Source,
        tenant: Uuid,
        archive: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let Some(directory) = archive else {
            return Ok(Self { archive: None, live: Some(source.open(tenant).await?) });
        };
        let archive = Archive::open(directory)?;
        anyhow::ensure!(
            tenant.is_nil() || TenantId::new(tenant) == archive.tenant,
            "the archive holds the history of tenant {}",
            archive.tenant
        );
        if !source.is_named() {
            return Ok(Self { archive: Some(archive), live: None });
        }
        let live = source.open(archive.tenant.uuid()).await?;
        let past = Self { archive: Some(archive), live: Some(live) };
        match past.check_seam().await {
            Ok(()) => Ok(past),
            Err(error) => {
                past.close().await;
                Err(error)
            }
        }
    }

    /// Where the archive ends, the database goes on with the same hash. If it does not, the history moved
    /// back or was rewritten: the error says up to where the two are the same.
    async fn check_seam(&self) -> anyhow::Result<()> {
        let (Some(archive), Some(live)) = (&self.archive, &self.live) else { return Ok(()) };
        let Err(fault) = Self::seam(archive, live).await else { return Ok(()) };
        match last_common(archive, live).await? {
            Position(0) => Err(fault),
            last => anyhow::bail!("{fault:#}; both histories are the same up to position {last}"),
        }
    }

    async fn seam(archive: &Archive, live: &History) -> anyhow::Result<()> {
        let end = archive.end();
        let head = live.head().await?;
        anyhow::ensure!(
            end.0 <= head.position,
            "the database ends at position {}, but {} positions are archived: its tail is missing",
            head.position,
            end.0
        );
        if head.position == end.0 {
            anyhow::ensure!(
                head.hash == end.1,
                "the database has another hash at position {}",
                end.0
            );
            return Ok(());
        }
        let next = live.log().read_tenant(live.tenant, end.0, 1).await?;
        anyhow::ensure!(!next.is_empty(), "position {} is missing in the database", end.0.0 + 1);
        chain::verify_chain(live.tenant, end, &next)
            .context("the database does not go on where the archive ends")?;
        Ok(())
    }

    /// Its events after a position, page by page.
    pub fn follow(&self, after: Position) -> Follow<'_> {
        let archived = self.archive.as_ref().map(|archive| archive.events(after));
        let seam = self.archive.as_ref().map(Archive::end);
        Follow { archived, seam, live: self.live.as_ref(), after }
    }

    /// The events of a stream.
    pub async fn stream(&self, stream: StreamId) -> anyhow::Result<Vec<RecordedEvent>> {
        let mut events = match &self.archive {
            Some(archive) => archive.stream(&stream)?,
            None => Vec::new(),
        };
        if let Some(live) = &self.live {
            let after = events.last().map_or(Revision(0), |last: &RecordedEvent| last.revision);
            let tails = live.log().read_streams(live.tenant, &[(stream, after)]).await?;
            events.extend(tails.into_iter().flat_map(|tail| tail.events));
        }
        Ok(events)
    }

    /// The keys of the vault, as far as they are at hand; none without a database.
    pub(crate) async fn keys(
        &self,
        given: Option<&SecretText>,
        source: &Source,
    ) -> anyhow::Result<Option<Keys>> {
        match &self.live {
            Some(live) => Ok(Some(live.keys(given, source).await?)),
            None => Ok(None),
        }
    }

    /// Closes the database.
    pub async fn close(self) {
        if let Some(live) = self.live {
            live.close().await;
        }
    }
}

/// A history on its way.
#[derive(Debug)]
pub struct Follow<'a> {
    archived: Option<Events>,
    /// Position and hash at the end of the archive, until the database was reached.
    seam: Option<(Position, Hash)>,
    live: Option<&'a History>,
    after: Position,
}

impl Follow<'_> {
    /// The next events; none at the end.
    pub async fn page(&mut self) -> anyhow::Result<Vec<RecordedEvent>> {
        if let Some(archived) = &mut self.archived {
            let page = archived.page(PAGE)?;
            if !page.is_empty() {
                return Ok(page);
            }
            self.archived = None;
            self.after = self.seam.map_or(self.after, |seam| self.after.max(seam.0));
        }
        let Some(live) = self.live else { return Ok(Vec::new()) };
        let page = live.page(self.after).await?;
        self.after = page.last().map_or(self.after, |last| last.position);
        Ok(page)
    }
}

/// The last position at which an archive and a database hold the same event; 0 if there is none. Every
/// hash stands for everything before it, so halving the distance finds it.
async fn last_common(archive: &Archive, live: &History) -> anyhow::Result<Position> {
    let (mut events, mut hashes) = (archive.events(Position(0)), Vec::new());
    loop {
        let page = events.page(PAGE)?;
        if page.is_empty() {
            break;
        }
        hashes.extend(page.iter().map(|event| event.hash));
    }
    let (mut same, mut other) = (0, hashes.len() + 1);
    while same + 1 < other {
        let middle = usize::midpoint(same, other);
        let before = Position(middle as u64 - 1);
        // What is not in the database is not the same.
        let found = live.log().read_tenant(live.tenant, before, 1).await.unwrap_or_default();
        let is_same = found.first().is_some_and(|event| event.hash == hashes[middle - 1]);
        if is_same { same = middle } else { other = middle }
    }
    Ok(Position(same as u64))
}

/// Verifies archived months from the first event on and, with a database, the chain across the seam up
/// to its head. The events below the seam need not be in the database.
pub async fn verify_archived(
    archive: &Archive,
    live: Option<&History>,
) -> anyhow::Result<Verified> {
    let mut events = archive.events(Position(0));
    let progress = Progress::new("events");
    loop {
        let page = events.page(PAGE)?;
        if page.is_empty() {
            break;
        }
        progress.add(page.len() as u64);
    }
    let end = archive.end();
    match live {
        Some(live) => {
            let head = live.head().await?.position;
            anyhow::ensure!(
                end.0 <= head,
                "the database ends at position {head}, but {} positions are archived: its tail is \
                 missing",
                end.0
            );
            verify_from(live, end).await
        }
        None => Ok(Verified { events: end.0.0, hash: end.1 }),
    }
}

/// Verifies archived months and, with a database, what follows them and every read model, which is held
/// against both.
pub(crate) async fn run_verify(
    past: &Past,
    keys: Option<&Keys>,
    as_json: bool,
) -> anyhow::Result<()> {
    let archive = past.archive.as_ref().context("there is no archive")?;
    let Verified { events, hash } = verify_archived(archive, past.live.as_ref()).await?;
    let (archived, hash) = (archive.end().0, hex::encode(hash));
    let is_offline = past.live.is_none();
    if as_json {
        say(&json!({
            "verified": true, "events": events, "archived": archived, "offline": is_offline,
            "head_hash": hash,
        })
        .to_string())?;
    } else {
        let from = if is_offline { "without a database" } else { "the rest in the database" };
        say(&format!(
            "{events} events, {archived} of them archived, {from}: the chain is whole and every event \
             can be read (head {hash})"
        ))?;
    }
    let (Some(live), Some(keys)) = (&past.live, keys) else { return Ok(()) };
    let log = PastLog::new(archive.clone(), live.log().clone());
    diff::run(live, log, keys, projectors(), None, (5, as_json)).await
}
