//! The keys of a tenant as lines of an exported log, sealed for the installation that imports it.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use daybook_adapters::vault::{Envelope, PortableKey, Recipient, Vault};
use daybook_domain::ids::{CustomerId, TenantId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    document::{NewFile, hexed},
    merkle::Hash,
};

/// For whom the keys of a file are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedFor {
    /// The recipient key of the installation that can open them.
    pub recipient: String,
    /// What they are sealed with, itself sealed for the recipient (base64).
    pub sealed_key: String,
}

/// What the trailer says of the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLines {
    /// How many lines there are.
    pub lines: u64,
    /// SHA-256 over them, line feeds included.
    #[serde(with = "hexed")]
    pub sha256: Hash,
}

/// The line of one key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyLine {
    pub(crate) key: SealedKey,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedKey {
    /// Whose key it is; absent: the tenant's own.
    subject: Option<CustomerId>,
    /// Base64; absent: the key was destroyed with the customer's erasure.
    sealed: Option<String>,
}

impl SealedKey {
    pub(crate) fn open(&self, envelope: &Envelope) -> anyhow::Result<PortableKey> {
        let sealed = self.sealed.as_ref().map(|text| STANDARD.decode(text)).transpose();
        let sealed = sealed.context("a key of the file is not base64")?;
        Ok(envelope.open(self.subject, sealed.as_deref())?)
    }
}

impl SealedFor {
    /// Opens the envelope with the vault of the recipient.
    pub(crate) fn open(&self, tenant: TenantId, vault: &Vault) -> anyhow::Result<Envelope> {
        let sealed = STANDARD.decode(&self.sealed_key).context("the header: no sealed key")?;
        Ok(vault.open_envelope(tenant, &sealed)?)
    }
}

/// Keys on their way into a file.
pub(crate) struct Sealing<'v> {
    pub(crate) header: SealedFor,
    envelope: Envelope,
    vault: &'v Vault,
}

impl<'v> Sealing<'v> {
    pub(crate) fn new(
        tenant: TenantId,
        vault: &'v Vault,
        recipient: &Recipient,
    ) -> anyhow::Result<Self> {
        let (envelope, sealed) = Envelope::to(recipient, tenant)?;
        let (recipient, sealed_key) = (recipient.to_string(), STANDARD.encode(sealed));
        Ok(Self { header: SealedFor { recipient, sealed_key }, envelope, vault })
    }

    /// Writes every key of the tenant.
    pub(crate) async fn write(
        &self,
        tenant: TenantId,
        file: &mut NewFile,
    ) -> anyhow::Result<KeyLines> {
        let mut digest = KeyDigest::default();
        let mut last: Option<PortableKey> = None;
        loop {
            let page = self.vault.portable_keys(tenant, last.as_ref()).await?;
            for key in &page {
                let sealed = self.envelope.seal(key)?.map(|sealed| STANDARD.encode(sealed));
                let line = KeyLine { key: SealedKey { subject: key.subject, sealed } };
                let mut line = serde_json::to_string(&line)?;
                line.push('\n');
                digest.add(line.as_bytes());
                file.bytes(line.as_bytes())?;
            }
            match page.into_iter().next_back() {
                Some(key) => last = Some(key),
                None => return Ok(digest.finish()),
            }
        }
    }
}

/// Counts and hashes the lines of the keys.
#[derive(Default)]
pub(crate) struct KeyDigest {
    lines: u64,
    hasher: Sha256,
}

impl KeyDigest {
    /// A line, its line feed included.
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        self.hasher.update(line);
    }

    pub(crate) fn finish(self) -> KeyLines {
        KeyLines { lines: self.lines, sha256: self.hasher.finalize().into() }
    }
}
