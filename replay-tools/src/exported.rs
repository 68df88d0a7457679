//! Verifies what `export` wrote, without a database, or together with the one that it came from.

use std::path::Path;

use anyhow::Context as _;
use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog as _};
use serde_json::json;
use uuid::Uuid;

use crate::{
    export::Trailer,
    log_file::{Line, LogFile},
    merkle::Hash,
    progress::Progress,
    say,
    source::{History, Source},
    verify::{Verified, verify_from},
};

/// What a file was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Whose log.
    pub tenant: TenantId,
    /// The position of its first event.
    pub from_position: Position,
    /// How many events there are, the position of the last one and its hash.
    pub trailer: Trailer,
}

/// Reads an exported log to its end: the chain from the hash in its header on, every event with the code
/// of today, answers and keys by their digests, and the trailer.
pub fn verify_exported(path: &Path) -> anyhow::Result<VerifiedFile> {
    let mut file = LogFile::open(path)?;
    let (tenant, from_position) = (file.header.tenant, file.header.from_position);
    let progress = Progress::new("events");
    let trailer = loop {
        match file.take().with_context(|| path.display().to_string())? {
            Line::Event(_) => progress.add(1),
            Line::Answer(_) | Line::Key(_) => (),
            Line::End(trailer) => break trailer,
        }
    };
    Ok(VerifiedFile { tenant, from_position, trailer })
}

pub(crate) async fn run(
    source: &Source,
    tenant: Uuid,
    path: &Path,
    as_json: bool,
) -> anyhow::Result<()> {
    let VerifiedFile { tenant: owner, from_position, trailer } = verify_exported(path)?;
    anyhow::ensure!(
        tenant.is_nil() || TenantId::new(tenant) == owner,
        "the file holds the log of tenant {owner}"
    );
    let Trailer { events, head_position, head_hash, .. } = trailer;
    let mut end = Verified { events: head_position.0, hash: head_hash };
    let is_offline = !source.is_named();
    if !is_offline {
        let live = source.open(owner.uuid()).await?;
        let verified = follow(&live, (head_position, head_hash)).await;
        live.close().await;
        end = verified?;
    }
    let hash = hex::encode(end.hash);
    if as_json {
        return say(&json!({
            "verified": true, "tenant": owner, "from_position": from_position, "events": events,
            "file_head_position": head_position, "head_position": end.events, "head_hash": hash,
            "offline": is_offline,
        })
        .to_string());
    }
    let live = if is_offline { "" } else { ", and goes on in the database" };
    say(&format!(
        "{events} events from position {from_position} to {head_position}: the chain is whole and every \
         event can be read{live} (head {hash} at {})",
        end.events
    ))
}

/// The database has the last event of the file with the same hash, and so everything below it, and its
/// chain is whole from there on.
async fn follow(live: &History, (position, hash): (Position, Hash)) -> anyhow::Result<Verified> {
    let head = live.head().await?.position;
    anyhow::ensure!(
        position <= head,
        "the database ends at position {head}, but the file holds position {position}: its tail is missing"
    );
    if let Some(before) = position.0.checked_sub(1) {
        let events = live.log().read_tenant(live.tenant, Position(before), 1).await?;
        let same = events.first().is_some_and(|event| event.hash == hash);
        anyhow::ensure!(
            same,
            "the database has another event at position {position} than the file"
        );
    }
    verify_from(live, (position, hash)).await
}
