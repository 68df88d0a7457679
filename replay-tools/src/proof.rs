//! Inclusion proofs: one event, and all that is needed to see that a signed head covers it. Whoever
//! holds one needs neither the database nor the other events.

use std::path::Path;

use anyhow::Context as _;
use daybook_adapters::log::chain;
use daybook_domain::event_log::{Position, RecordedEvent};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    document::{self, NewFile, hexed, instant},
    head::{SignedHead, ensure_same, key_source},
    merkle::{Hash, MerkleTree, leaf, root_of},
    record::EventRecord,
    say,
    source::History,
    walk::{START, walk},
};

/// The format that is written.
const VERSION: u32 = 1;

/// One event under a signed head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// The version of this format: 1.
    pub daybook_proof: u32,
    /// The event.
    pub event: EventRecord,
    /// The hash of the event before it; zeros before the first.
    #[serde(with = "hexed")]
    pub previous_hash: Hash,
    /// The RFC 6962 audit path, from the bottom up.
    pub audit_path: Vec<Sibling>,
    /// The head whose Merkle root it leads to.
    pub signed_head: SignedHead,
}

/// A hash on an audit path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sibling(#[serde(with = "hexed")] pub Hash);

/// Proves that an event is under a signed head. The history must still begin with what was signed.
pub async fn prove(
    history: &History,
    position: Position,
    signed: SignedHead,
) -> anyhow::Result<InclusionProof> {
    signed.check_signature(None)?;
    anyhow::ensure!(
        signed.tenant == history.tenant,
        "the head was signed for tenant {}, not for {}",
        signed.tenant,
        history.tenant
    );
    anyhow::ensure!(
        Position(1) <= position && position <= signed.position,
        "position {position} is not under the signed head: it covers 1 to {}",
        signed.position
    );
    let mut tree = MerkleTree::watching(position.0 - 1);
    let mut found = None;
    let hash = walk(history, START, signed.position, |previous, event| {
        tree.push(&event.hash);
        if event.position == position {
            found = Some((EventRecord::from(event), previous));
        }
        Ok(())
    })
    .await?;
    let (root, path) = tree.finish();
    ensure_same(&signed, hash, root)?;
    let (event, previous_hash) =
        found.with_context(|| format!("position {position} was not met"))?;
    Ok(InclusionProof {
        daybook_proof: VERSION,
        event,
        previous_hash,
        audit_path: path.into_iter().map(Sibling).collect(),
        signed_head: signed,
    })
}

/// Checks a proof by itself: the hash of the event, its path to the root, the signature.
pub fn check_proof(proof: &InclusionProof, key: Option<&VerifyingKey>) -> anyhow::Result<()> {
    let InclusionProof { daybook_proof, event, previous_hash, audit_path, signed_head } = proof;
    anyhow::ensure!(
        *daybook_proof == VERSION,
        "a proof of version {daybook_proof} cannot be read: this program knows {VERSION}"
    );
    signed_head.check_signature(key)?;
    let position = event.position;
    let index = position.checked_sub(1).context("position 0 is no event")?;
    let recorded = RecordedEvent::try_from(event.clone())?;
    // A foreign event is found here too: the tenant is under the signature.
    chain::verify_chain(signed_head.tenant, (Position(index), *previous_hash), [&recorded])?;
    let path: Vec<Hash> = audit_path.iter().map(|sibling| sibling.0).collect();
    let root = root_of(leaf(&recorded.hash), index, signed_head.position.0, &path);
    anyhow::ensure!(
        root == Some(signed_head.merkle_root),
        "the audit path of position {position} does not lead to the signed Merkle root"
    );
    anyhow::ensure!(
        recorded.position < signed_head.position || recorded.hash == signed_head.head_hash,
        "position {position} is the signed head, but has another hash"
    );
    Ok(())
}

/// Reads a proof from its text.
pub fn parse_proof(text: &str) -> anyhow::Result<InclusionProof> {
    document::parse(text)
}

pub(crate) async fn run(
    history: &History,
    position: u64,
    signed: SignedHead,
    out: &Path,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut file = NewFile::create(out)?;
    let proof = prove(history, Position(position), signed).await?;
    file.line(&proof)?;
    file.finish()?;
    let (path, events) = (proof.audit_path.len(), proof.signed_head.position);
    if as_json {
        return say(&json!({ "position": position, "events": events, "path": path }).to_string());
    }
    say(&format!("position {position} is proved by {path} hashes under a head of {events} events"))
}

pub(crate) fn check(path: &Path, key: Option<&VerifyingKey>, as_json: bool) -> anyhow::Result<()> {
    let proof: InclusionProof = document::read(path)?;
    check_proof(&proof, key).with_context(|| path.display().to_string())?;
    let InclusionProof { event, signed_head, .. } = &proof;
    let source = key_source(key);
    if as_json {
        return say(&json!({
            "verified": true,
            "tenant": signed_head.tenant,
            "position": event.position,
            "event_id": event.event_id,
            "event_type": event.event_type,
            "hash": hex::encode(event.hash),
            "signed_at": instant::text(&signed_head.signed_at),
            "public_key": hex::encode(signed_head.public_key),
            "key_source": source,
        })
        .to_string());
    }
    say(&format!(
        "position {} of tenant {}, {} {}, is under the head that was signed {} with key {} ({source})",
        event.position,
        signed_head.tenant,
        event.event_type,
        event.event_id,
        instant::text(&signed_head.signed_at),
        hex::encode(signed_head.public_key),
    ))
}
