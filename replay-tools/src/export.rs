//! Writes a tenant's log to a file of lines: a header, one line per event, one per stored answer
//! of a command, a trailer. README.md of this folder documents them.

use std::path::Path;

use daybook_adapters::vault::{Recipient, Vault};
use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    answers::{AnswerDigest, StoredCommand},
    archive::ArchivedMonth,
    document::{NewFile, hexed},
    key_lines::{KeyLines, SealedFor, Sealing},
    merkle::Hash,
    progress::Progress,
    record::EventRecord,
    say,
    source::History,
    walk::{START, walk},
};

/// The format that is written.
pub(crate) const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of this format: 1.
    pub daybook_log: u32,
    /// Whose log.
    pub tenant: TenantId,
    /// The position of the first event line.
    pub from_position: Position,
    /// The hash of the event before it; zeros before the first.
    #[serde(with = "hexed")]
    pub previous_hash: Hash,
    /// Of an archived month alone: where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchivedMonth>,
    /// For whom the keys of the tenant are in the file; absent if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<SealedFor>,
}

/// The last line: a file without it was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// How many event lines there are.
    pub events: u64,
    /// The position of the last one.
    pub head_position: Position,
    /// Its hash.
    #[serde(with = "hexed")]
    pub head_hash: Hash,
    /// How many lines of stored answers there are.
    pub answers: u64,
    /// SHA-256 over these lines, line feeds included: no chain covers them.
    #[serde(with = "hexed")]
    pub answers_sha256: Hash,
    /// How many lines of keys there are, and SHA-256 over them; absent in a file without keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyLines>,
}

/// Writes the log from a position up to the head of now. The file is there once it is whole.
///
/// With a recipient the keys of the tenant go with it, all of them whatever the position: an erasure
/// since an earlier export destroys the key at the other side too.
pub async fn export(
    history: &History,
    out: &Path,
    from: Position,
    keys: Option<(&Vault, &Recipient)>,
) -> anyhow::Result<Trailer> {
    anyhow::ensure!(Position(1) <= from, "positions are counted from 1");
    let head = history.head().await?;
    anyhow::ensure!(
        from.0 <= head.position.0.saturating_add(1),
        "position {from} is not there: the history ends at {}",
        head.position
    );
    let mut file = NewFile::create(out)?;
    let start = before(history, from).await?;
    let sealing = keys.map(|(vault, recipient)| Sealing::new(history.tenant, vault, recipient));
    let sealing = sealing.transpose()?;
    file.line(&Header {
        daybook_log: VERSION,
        tenant: history.tenant,
        from_position: from,
        previous_hash: start.1,
        archive: None,
        keys: sealing.as_ref().map(|sealing| sealing.header.clone()),
    })?;
    let progress = Progress::new("events");
    let hash = walk(history, start, head.position, |_previous, event| {
        file.line(&EventRecord::from(event))?;
        progress.add(1);
        Ok(())
    })
    .await?;
    anyhow::ensure!(
        hash == head.hash,
        "the head at {} has another hash than its last event",
        head.position
    );
    let mut digest = AnswerDigest::default();
    let mut after = None;
    loop {
        let page = history.answers(after.as_deref(), (start.0, head.position)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for answer in page {
            let line = digest.line(&StoredCommand { command: answer })?;
            file.bytes(line.as_bytes())?;
        }
    }
    let (answers, answers_sha256) = digest.finish();
    let keys = match sealing {
        Some(sealing) => Some(sealing.write(history.tenant, &mut file).await?),
        None => None,
    };
    let trailer = Trailer {
        events: head.position.0 - start.0.0,
        head_position: head.position,
        head_hash: hash,
        answers,
        answers_sha256,
        keys,
    };
    file.line(&trailer)?;
    file.finish()?;
    Ok(trailer)
}

/// Position and hash of the event before a position.
pub(crate) async fn before(history: &History, from: Position) -> anyhow::Result<(Position, Hash)> {
    let Some(after) = from.0.checked_sub(2) else { return Ok(START) };
    let events = history.log().read_tenant(history.tenant, Position(after), 1).await?;
    let event = events.first();
    let event = event.ok_or_else(|| anyhow::anyhow!("position {} is missing", after + 1))?;
    Ok((event.position, event.hash))
}

pub(crate) async fn run(
    history: &History,
    out: &Path,
    from: u64,
    keys: Option<(&Vault, &Recipient)>,
    as_json: bool,
) -> anyhow::Result<()> {
    let trailer = export(history, out, Position(from), keys).await?;
    let Trailer { events, head_position, head_hash, answers, keys, .. } = trailer;
    let keys = keys.map_or(0, |keys| keys.lines);
    let hash = hex::encode(head_hash);
    if as_json {
        return say(&json!({
            "events": events, "answers": answers, "keys": keys, "head_position": head_position, "head_hash": hash,
        })
        .to_string());
    }
    say(&format!(
        "{events} events, {answers} answers and {keys} keys up to position {head_position} (head {hash})"
    ))?;
    if keys == 0 {
        say(
            "without --recipient the file carries no keys: its personal data cannot be read elsewhere",
        )?;
    }
    Ok(())
}
