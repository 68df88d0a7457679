//! The key that heads are signed with: 32 random bytes in a file of hex digits.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

/// Makes a key and its file, which nobody but its owner may read. A file that is there stays.
pub fn make_key(path: &Path) -> anyhow::Result<VerifyingKey> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice())
        .map_err(|error| anyhow::anyhow!("the system gave no random bytes: {error}"))?;
    let text = Zeroizing::new(hex::encode(*secret));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", *text)?;
        file.sync_all()
    };
    write().with_context(|| format!("{} cannot be made", path.display()))?;
    Ok(SigningKey::from_bytes(&secret).verifying_key())
}

/// Reads the key in a file that [`make_key`] made.
pub fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
    let mut secret = Zeroizing::new([0; 32]);
    // What stands in the file stays out of the error.
    hex::decode_to_slice(text.trim(), secret.as_mut_slice()).map_err(|_may_hold_the_key| {
        anyhow::anyhow!("{} is no key: 64 hex digits were expected", path.display())
    })?;
    Ok(SigningKey::from_bytes(&secret))
}

/// A public key as hex digits.
pub(crate) fn public_key(text: &str) -> anyhow::Result<VerifyingKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).context("a public key has 64 hex digits")?;
    VerifyingKey::from_bytes(&bytes).context("these 64 hex digits are no public key")
}
