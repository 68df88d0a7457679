//! The master key: it wraps every other key and is never in the database.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use daybook_domain::ids::{CustomerId, TenantId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{VaultError, cipher::Key};

/// The purpose of the check value. A change of it makes every stored check value useless.
const CHECK_PURPOSE: &[u8] = b"daybook master key check value 1";

/// The key that wraps all others (`DAYBOOK_MASTER_KEY`).
#[derive(Clone)]
pub struct MasterKey {
    key: Key,
    check: [u8; 32],
}

/// Names a master key without giving anything of it away: the first 8 bytes of its check value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// The fingerprint of the key that a check value belongs to.
    pub(super) fn of(check: &[u8; 32]) -> Self {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&check[..8]);
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is no key. It is not repeated.
    #[error("a master key is 32 bytes, as 64 hexadecimal digits or as base64")]
    NotAKey,
    /// The file cannot be read or made.
    #[error("the master key in {path} cannot be read or made")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Randomness,
}

/// Hides the key.
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads a key: 64 hexadecimal digits, or base64 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok());
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = Key::new(bytes.ok_or(MasterKeyError::NotAKey)?);
        Self::new(key).ok_or(MasterKeyError::NotAKey)
    }

    /// A new random key.
    pub fn generate() -> Result<Self, MasterKeyError> {
        let key = Key::random().map_err(|_no_source| MasterKeyError::Randomness)?;
        Self::new(key).ok_or(MasterKeyError::NotAKey)
    }

    pub(super) fn new(key: Key) -> Option<Self> {
        let mut mac = <Hmac<Sha256>>::new_from_slice(key.bytes()).ok()?;
        mac.update(CHECK_PURPOSE);
        let check = mac.finalize().into_bytes().into();
        Some(Self { key, check })
    }

    /// By which messages and stored keys name it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.check)
    }

    pub(super) const fn check_value(&self) -> &[u8; 32] {
        &self.check
    }

    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// Writes it to a new file as hexadecimal digits, readable by its owner only. A file that
    /// exists is an error.
    pub fn save(&self, path: &Path) -> Result<(), MasterKeyError> {
        let write = || {
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{}", hex::encode(self.key.bytes()))?;
            file.sync_all()
        };
        write().map_err(|source| MasterKeyError::File { path: path.to_owned(), source })
    }

    /// Reads the key of a file, which is made when it is not there, readable by its owner only.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => return Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(failed(error)),
        }
        let key = Self::generate()?;
        // Whoever is second finds the file and reads it.
        match key.save(path) {
            Err(MasterKeyError::File { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists =>
            {
                Self::parse(&fs::read_to_string(path).map_err(failed)?)
            }
            saved => saved.map(|()| key),
        }
    }

    /// Wraps a key. What wrapped it stands in front, so that two master keys can be in use while
    /// one replaces the other.
    pub(super) fn wrap(
        &self,
        key: &Key,
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Result<Vec<u8>, VaultError> {
        let sealed = self.key.seal(key.bytes(), &owner(tenant, subject))?;
        Ok([self.fingerprint().bytes(), sealed.as_slice()].concat())
    }

    /// Whether a wrapped key was wrapped by this one.
    pub(super) fn has_wrapped(&self, wrapped: &[u8]) -> bool {
        wrapped.starts_with(self.fingerprint().bytes())
    }

    pub(super) fn unwrap(
        &self,
        wrapped: &[u8],
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Result<Key, VaultError> {
        let what = "a wrapped key";
        let sealed = wrapped.strip_prefix(self.fingerprint().bytes());
        let sealed = sealed.ok_or(VaultError::Sealed { what })?;
        let bytes = self.key.open(sealed, &owner(tenant, subject), what)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice());
        bytes.map(Key::new).map_err(|_length| VaultError::Sealed { what })
    }
}

/// Whose key it is: a wrapped key opens in its own row only.
pub(super) fn owner(tenant: TenantId, subject: Option<CustomerId>) -> Vec<u8> {
    let subject = subject.map(|subject| *subject.uuid().as_bytes());
    [&tenant.uuid().as_bytes()[..], subject.as_ref().map_or(&[][..], |it| &it[..])].concat()
}
