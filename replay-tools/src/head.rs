//! Signed heads: where a history stood, and a signature over it. Kept elsewhere, one finds what no
//! chain can show by itself: a tail that was cut off, and a history that was rewritten as a whole.

use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::TenantId};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    document::{self, NewFile, hexed, instant},
    keys,
    merkle::{Hash, MerkleTree},
    say,
    source::History,
    walk::{START, walk},
};

/// Where a history stood, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// Whose history.
    pub tenant: TenantId,
    /// The position of its last event, which is the number of its events.
    pub position: Position,
    /// The hash of its last event; zeros when there is none.
    #[serde(with = "hexed")]
    pub head_hash: Hash,
    /// The root of the RFC 6962 tree whose leaves are the hashes of its events, in order.
    #[serde(with = "hexed")]
    pub merkle_root: Hash,
    /// When the signer looked, by the signer's clock.
    #[serde(with = "instant")]
    pub signed_at: DateTime<Utc>,
    /// The Ed25519 key that the signature is for.
    #[serde(with = "hexed")]
    pub public_key: [u8; 32],
    /// The Ed25519 signature of [`SignedHead::signed_bytes`].
    #[serde(with = "hexed")]
    pub signature: [u8; 64],
}

impl SignedHead {
    /// What is signed: the line `daybook signed head v1`, then tenant, position, head hash, Merkle
    /// root, instant and public key as the document spells them, each ended by a line feed.
    pub fn signed_bytes(&self) -> Vec<u8> {
        format!(
            "daybook signed head v1\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.tenant,
            self.position,
            hex::encode(self.head_hash),
            hex::encode(self.merkle_root),
            instant::text(&self.signed_at),
            hex::encode(self.public_key),
        )
        .into_bytes()
    }

    /// Checks the signature: for a key that the reader knows, else for the one that the document
    /// names, which proves only that nobody changed it since.
    pub fn check_signature(&self, key: Option<&VerifyingKey>) -> anyhow::Result<()> {
        let own = VerifyingKey::from_bytes(&self.public_key)
            .context("the public key of the signed head is none")?;
        anyhow::ensure!(
            key.is_none_or(|key| *key == own),
            "the head was signed with another key: {}",
            hex::encode(self.public_key)
        );
        own.verify_strict(&self.signed_bytes(), &Signature::from_bytes(&self.signature))
            .context("the signature of the head is wrong")
    }
}

/// Where a public key came from.
pub(crate) const fn key_source(key: Option<&VerifyingKey>) -> &'static str {
    if key.is_some() { "key given" } else { "key taken from the file" }
}

/// Verifies the chain up to the head of now and signs where it stands.
pub async fn sign_head(
    history: &History,
    key: &SigningKey,
    now: DateTime<Utc>,
) -> anyhow::Result<SignedHead> {
    let head = history.head().await?;
    let mut tree = MerkleTree::default();
    let hash = walk(history, START, head.position, |_previous, event| {
        tree.push(&event.hash);
        Ok(())
    })
    .await?;
    anyhow::ensure!(
        hash == head.hash,
        "the head at {} has another hash than its last event",
        head.position
    );
    let (merkle_root, _path) = tree.finish();
    let mut signed = SignedHead {
        tenant: history.tenant,
        position: head.position,
        head_hash: hash,
        merkle_root,
        signed_at: DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now),
        public_key: key.verifying_key().to_bytes(),
        signature: [0; 64],
    };
    signed.signature = key.sign(&signed.signed_bytes()).to_bytes();
    Ok(signed)
}

/// Checks that the history of today begins with exactly what was signed, and answers how many
/// events came since. What came since is not looked at: that is what `verify` is for.
pub async fn check_head(
    history: &History,
    signed: &SignedHead,
    key: Option<&VerifyingKey>,
) -> anyhow::Result<u64> {
    signed.check_signature(key)?;
    anyhow::ensure!(
        signed.tenant == history.tenant,
        "the head was signed for tenant {}, not for {}",
        signed.tenant,
        history.tenant
    );
    let mut tree = MerkleTree::default();
    let hash = walk(history, START, signed.position, |_previous, event| {
        tree.push(&event.hash);
        Ok(())
    })
    .await?;
    ensure_same(signed, hash, tree.finish().0)?;
    let now = history.head().await?.position;
    now.0.checked_sub(signed.position.0).with_context(|| {
        format!("the head stands at {now}, but {} events were signed", signed.position)
    })
}

/// The history up to the signed position must have the signed hash and the signed root.
pub(crate) fn ensure_same(signed: &SignedHead, hash: Hash, root: Hash) -> anyhow::Result<()> {
    let position = signed.position;
    anyhow::ensure!(
        hash == signed.head_hash,
        "the history was rewritten: position {position} has the hash {}, but {} was signed",
        hex::encode(hash),
        hex::encode(signed.head_hash)
    );
    anyhow::ensure!(
        root == signed.merkle_root,
        "the first {position} events have the Merkle root {}, but {} was signed",
        hex::encode(root),
        hex::encode(signed.merkle_root)
    );
    Ok(())
}

pub(crate) fn keygen(out: &Path, as_json: bool) -> anyhow::Result<()> {
    let public_key = hex::encode(keys::make_key(out)?.as_bytes());
    if as_json {
        return say(&json!({ "public_key": public_key }).to_string());
    }
    say(&format!("public key {public_key}"))
}

pub(crate) async fn sign(
    history: &History,
    (key, out): (&Path, Option<&Path>),
    now: DateTime<Utc>,
    as_json: bool,
) -> anyhow::Result<()> {
    let key = keys::read_key(key)?;
    let file = out.map(NewFile::create).transpose()?;
    let signed = sign_head(history, &key, now).await?;
    let Some(mut file) = file else { return say(&serde_json::to_string(&signed)?) };
    file.line(&signed)?;
    file.finish()?;
    if as_json {
        return say(&serde_json::to_string(&signed)?);
    }
    say(&format!(
        "signed {} events with key {} (root {})",
        signed.position,
        hex::encode(signed.public_key),
        hex::encode(signed.merkle_root)
    ))
}

/// Reads the signed head in a file.
pub fn read_head(path: &Path) -> anyhow::Result<SignedHead> {
    document::read(path)
}

pub(crate) async fn check(
    history: &History,
    signed: &SignedHead,
    key: Option<&VerifyingKey>,
    as_json: bool,
) -> anyhow::Result<()> {
    let since = check_head(history, signed, key).await?;
    let (position, source) = (signed.position, key_source(key));
    if as_json {
        return say(&json!({
            "verified": true,
            "position": position,
            "head_hash": hex::encode(signed.head_hash),
            "merkle_root": hex::encode(signed.merkle_root),
            "signed_at": instant::text(&signed.signed_at),
            "public_key": hex::encode(signed.public_key),
            "key_source": source,
            "events_since": since,
        })
        .to_string());
    }
    say(&format!(
        "the history begins with the {position} events that were signed {} with key {} ({source}); \
         {since} came since",
        instant::text(&signed.signed_at),
        hex::encode(signed.public_key),
    ))
}
