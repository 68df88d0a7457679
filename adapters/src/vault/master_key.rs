//! The master key: it wraps every other key and is never in the database.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use daybook_domain::ids::{CustomerId, TenantId};

use super::{VaultError, cipher::Key};

/// The key that wraps all others (`DAYBOOK_MASTER_KEY`).
#[derive(Clone)]
pub struct MasterKey(Key);

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

/// A key is not for the eye.
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
        bytes.map(|bytes| Self(Key::new(bytes))).ok_or(MasterKeyError::NotAKey)
    }

    /// Reads the key of a file, which is made when it is not there, readable by its owner only.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => return Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(failed(error)),
        }
        let key = Key::random().map_err(|_no_source| MasterKeyError::Randomness)?;
        // Whoever is second finds the file and reads it.
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match made {
            Ok(mut file) => {
                writeln!(file, "{}", hex::encode(key.bytes())).map_err(failed)?;
                file.sync_all().map_err(failed)?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::parse(&fs::read_to_string(path).map_err(failed)?)
            }
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn wrap(
        &self,
        key: &Key,
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Result<Vec<u8>, VaultError> {
        self.0.seal(key.bytes(), &owner(tenant, subject))
    }

    pub(super) fn unwrap(
        &self,
        wrapped: &[u8],
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Result<Key, VaultError> {
        let what = "a wrapped key";
        let bytes = self.0.open(wrapped, &owner(tenant, subject), what)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice());
        bytes.map(Key::new).map_err(|_length| VaultError::Sealed { what })
    }
}

/// Whose key it is: a wrapped key opens in its own row only.
fn owner(tenant: TenantId, subject: Option<CustomerId>) -> Vec<u8> {
    let subject = subject.map(|subject| *subject.uuid().as_bytes());
    [&tenant.uuid().as_bytes()[..], subject.as_ref().map_or(&[][..], |it| &it[..])].concat()
}
